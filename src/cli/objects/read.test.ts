import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formOf } from './detect.ts'
import type { Entry } from './entries.ts'
import { readObjects } from './read.ts'

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const read = async (text: string | Uint8Array, name = 'stdin', size = 7): Promise<Entry[]> => {
  const found: Entry[] = []
  for await (const entries of readObjects(name, inPieces(typeof text === 'string' ? Buffer.from(text) : text, size))) found.push(...entries)
  return found
}
const idsOf = async (text: string | Uint8Array, name?: string): Promise<unknown[]> =>
  (await read(text, name)).map(({ id, problem }) => (problem === undefined ? id : `! ${problem}`))

const pod = (name: string, more: object = {}): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...more } })
const lines = (...values: unknown[]): string =>
  values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join('')

describe('one object a line', () => {
  test('an object is named by itself, or by the id beside it', async () => {
    const text = lines(pod('a', { namespace: 'shop' }), { id: 'x/1', object: pod('b') }, { id: 7, kind: 'case', object: pod('c') })
    expect(await idsOf(text)).toEqual(['Pod/shop/a', 'x/1', 7])
  })

  test('an object that has an id field of its own is an object', async () => {
    expect(await idsOf(lines({ id: 'x', ...pod('a') }))).toEqual(['Pod/a'])
  })

  test('a bad line is said with its place, and the reading goes on', async () => {
    const text = lines(pod('a'), '{"kind": ', '', '7', 'null', { id: 'x' }, { id: 'y', object: {} }, { metadata: { name: 'z' } }, pod('b'))
    expect(await idsOf(text)).toEqual([
      'Pod/a',
      expect.stringMatching(/^! stdin:2: not JSON/),
      '! stdin:4: an object is expected',
      '! stdin:5: an object is expected',
      '! stdin:6: an object is expected',
      '! stdin:7: an object needs a kind',
      '! stdin:8: an object needs a kind',
      'Pod/b',
    ])
    expect((await read(text)).map(({ id }) => id).slice(4, 7)).toEqual(['x', 'y', 'z'])
  })

  test.each([['nonsense'], ['{"a":'], ['[1,']])('a first line that is %s hides none of the others', async (first) => {
    expect((await idsOf(lines(first, pod('a'), pod('b')))).slice(1)).toEqual(['Pod/a', 'Pod/b'])
  })

  test('Windows line breaks and a missing last one are taken', async () => {
    expect(await idsOf(lines(pod('a'), pod('b')).replaceAll('\n', '\r\n').trimEnd())).toEqual(['Pod/a', 'Pod/b'])
  })

  test('a List in a line is each of its items', async () => {
    expect(await idsOf(lines({ id: 'l', object: { apiVersion: 'v1', kind: 'List', items: [pod('a'), 3] } }))).toEqual([
      'l#1',
      '! stdin:1#2: an object is expected',
    ])
  })
})

describe('documents', () => {
  test.each([
    ['indented JSON', JSON.stringify(pod('a'), undefined, 2)],
    ['JSON in one line without a break', JSON.stringify(pod('a'))],
    ['an array', JSON.stringify([pod('a')])],
    ['indented arrays', JSON.stringify([pod('a')], undefined, 2)],
    ['YAML', 'kind: Pod\nmetadata:\n  name: a\n'],
    ['YAML behind a comment', '# written by hand\n---\nkind: Pod\nmetadata: {name: a}\n'],
    ['YAML with braces', '{kind: Pod,\n metadata: {name: a}}\n'],
    ['a List', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [pod('a')] }, undefined, 2)],
    [
      'a typed list without kinds',
      JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: [{ metadata: { name: 'a' } }] }, undefined, 2),
    ],
  ])('%s is read', async (_, text) => {
    expect(await idsOf(text)).toEqual(['Pod/a'])
  })

  test('JSON objects one after the other, as kubectl writes them', async () => {
    expect(await idsOf(`${JSON.stringify(pod('a'), undefined, 2)}\n${JSON.stringify(pod('b'), undefined, 2)}\n`)).toEqual([
      'Pod/a',
      'Pod/b',
    ])
  })

  test('YAML documents are read each for itself: a bad one is said with its line', async () => {
    const text =
      'kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: [}\n--- # next\n- 1\n---\n---\nkind: Pod\nmetadata: {name: b}\n'
    expect(await idsOf(text, 'x.yaml')).toEqual([
      'Pod/a',
      expect.stringMatching(/^! x\.yaml:5: not YAML/),
      expect.stringMatching(/^! x\.yaml:7#1: an object is expected/),
      'Pod/b',
    ])
  })

  test('broken JSON is one problem', async () => {
    expect(await idsOf('{\n  "kind": "Pod",\n  "metadata": {\n')).toEqual([expect.stringMatching(/^! stdin:1: not JSON/)])
  })

  test('aliases that grow without end are refused', async () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...[...'bcdefgh'].map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]},`.repeat(9)}x]`),
    ].join('\n')
    expect(await idsOf(`kind: Pod\n${bomb}\n`)).toEqual([expect.stringMatching(/^! stdin:1: /)])
  })

  test('UTF-16 with its mark is read', async () => {
    expect(await idsOf(Buffer.from(`\ufeff${lines(pod('ä'))}`, 'utf16le'))).toEqual(['Pod/ä'])
  })

  test.each(['', '\n\n', '# nothing\n', '---\n---\n'])('%j holds nothing', async (text) => {
    expect(await read(text)).toEqual([])
  })
})

test.each([
  ['x.ndjson', ['a: 1'], 'lines'],
  ['x.yaml', ['{"a":1}'], 'yaml'],
  ['stdin', ['{"a":1}'], 'lines'],
  ['stdin', ['[{"a":1}]'], 'json'],
  ['stdin', ['{', '  "a": {"b":1}'], 'json'],
  ['stdin', ['---', '{"a":1}'], 'yaml'],
  ['stdin', ['kind: Pod'], 'yaml'],
  ['stdin', [], 'yaml'],
])('%s with %j is %s', (name, head, form) => {
  expect(formOf(name, head)).toBe(form)
})

test('anything is read to its end, in pieces of any size', async () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(fc.oneof(fc.json(), fc.string()), { maxLength: 20 }).map((all) => all.join('\n')),
  )
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 50 }), async (text, size) => {
      for (const { object, problem } of await read(text, 'stdin', size)) expect(object === undefined).toBe(problem !== undefined)
    }),
    { numRuns: 500 },
  )
})
