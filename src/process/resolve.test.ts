import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveSteps, resolveTargets } from './resolve.ts'
import type { Process } from './types.ts'

const shop: Process = {
  name: 'shop',
  inputs: { tag: { type: 'string' }, dir: { type: 'string', default: 'manifests' } },
  steps: [
    { name: 'config', apply: './${inputs.dir}', namespace: 'shop', deadline: '5m', settle: '0s' },
    {
      name: 'web',
      image: 'exec:1',
      helm: {
        chart: './chart',
        values: ['a.yaml', 'b.yaml'],
        set: { 'image.tag': '${inputs.tag}', replicas: 2, debug: false },
        historyMax: 3,
        takeOver: true,
        version: 3,
      },
    },
  ],
}
const values = (given: Record<string, string>): Map<string, string> => new Map(Object.entries(given))

describe('steps', () => {
  test('are filled in, with what they are packed from', () => {
    expect(resolveSteps(shop, values({ tag: '1.10', dir: 'm' }))).toEqual({
      findings: [],
      steps: [
        {
          step: { kind: 'apply', name: 'config', package: '0'.repeat(64), namespace: 'shop', deadlineSeconds: 300, settleSeconds: 0 },
          sources: { kind: 'apply', paths: ['./m'] },
        },
        {
          step: {
            kind: 'helm',
            name: 'web',
            package: '0'.repeat(64),
            image: 'exec:1',
            release: 'web',
            set: { 'image.tag': '1.10', replicas: '2', debug: 'false' },
            historyMax: 3,
            takeOver: true,
            helmVersion: 3,
          },
          sources: { kind: 'helm', chart: './chart', values: ['a.yaml', 'b.yaml'] },
        },
      ],
    })
  })
  test('that refer to an input without value are left out', () => {
    const { steps, findings } = resolveSteps(shop, values({ tag: '1' }))
    expect(steps.map((step) => step?.step.name)).toEqual([undefined, 'web'])
    expect(findings).toEqual([])
  })
  test('are checked once they are filled in, at their place in the file', () => {
    const process: Process = {
      name: 'a',
      steps: [
        { name: 'a', apply: ['x', '${inputs.p}'], namespace: '${inputs.p}' },
        { name: 'b', helm: { chart: 'c', release: '${inputs.p}', values: ['${inputs.q}'] } },
      ],
    }
    const { findings } = resolveSteps(process, values({ p: '/Etc', q: '' }))
    expect(findings.map(({ path }) => path)).toEqual([
      ['steps', 0, 'namespace'],
      ['steps', 0, 'apply'],
      ['steps', 1, 'helm', 'release'],
      ['steps', 1, 'helm', 'values', 0],
    ])
    expect(findings[1]?.message).toBe('filled in, this is "/Etc": give a path relative to this file')
  })
  /** How helm takes a value of --set apart (helm docs, --set): at commas that no backslash stands before. */
  const readByHelm = (text: string): string[] => {
    const parts = ['']
    for (let at = 0; at < text.length; at++) {
      if (text[at] === '\\') parts.push((parts.pop() ?? '') + (text[++at] ?? ''))
      else if (text[at] === ',') parts.push('')
      else parts.push((parts.pop() ?? '') + (text[at] ?? ''))
    }
    return parts
  }
  test('an input cannot set a second value of a chart', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(',', '\\', '=', '{', '}', 'a') })), (tag) => {
        const [, web] = resolveSteps(shop, values({ tag, dir: 'm' })).steps
        const set = web?.step.kind === 'helm' ? (web.step.set?.['image.tag'] ?? '') : ''
        expect(readByHelm(set)).toEqual([tag])
        expect(set).not.toMatch(/^[{[]/)
      }),
    )
  })
})

test('targets are those that are named, and those with all of the tags', () => {
  const all = [
    { name: 'a', tags: ['env=prod', 'eu'] },
    { name: 'b', tags: ['env=prod'] },
    { name: 'c', tags: [] },
  ]
  const of = (targets: Process['targets']): string[] => resolveTargets({ name: 'x', targets, steps: [] }, all)
  expect(of({ tags: ['env=prod'] })).toEqual(['a', 'b'])
  expect(of({ tags: ['env=prod', 'eu'] })).toEqual(['a'])
  expect(of({ names: ['z', 'b'], tags: ['env=prod'] })).toEqual(['z', 'b', 'a'])
  expect(of({ tags: ['none'] })).toEqual([])
  expect(of(undefined)).toEqual([])
})
