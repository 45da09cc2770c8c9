import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readManifest } from './documents.ts'
import { inOrder } from './order.ts'
import { selectObjects } from './select.ts'

const read = (text: string | Buffer, file = 'a.yaml') => readManifest(file, Buffer.from(text))
const namesIn = (text: string | Buffer, file?: string): string[] => read(text, file).map(({ name }) => name)
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`

test('several documents, empty ones and comments between them', () => {
  const found = read(`# first\n---\n${configMap('a')}---\n---\n# nothing\n---\n${configMap('b')}`)
  expect(found.map(({ name, line }) => [name, line])).toEqual([
    ['a', 3],
    ['b', 10],
  ])
})

test('the author’s text is kept: nothing is read and written again', () => {
  const text = `${configMap('a')}data:\n  yes: "0777"\n  n: 'on' # said so\n  long: |+\n    line\n\n\n`
  expect(read(text)[0]?.text).toBe(text)
  expect(read(`${text}---\n${configMap('b')}`).map((object) => object.text)).toEqual([text, `   \n${configMap('b')}`])
})

test.each([
  ['indented', `  ${configMap('a').trimEnd().replaceAll('\n', '\n  ')}\n`],
  ['beside its separator', `--- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n`],
  ['after a directive', `%YAML 1.1\n---\n${configMap('a')}...\n`],
  ['after a comment at its separator', `--- # the first\n${configMap('a')}`],
  ['with an anchor at its separator', `--- &all\n${configMap('a')}`],
])('a document %s can be read by itself', (_, text) => {
  const [found] = read(`${text}---\n${configMap('b')}`)
  expect(found?.text).not.toMatch(/^---/)
  expect(parse(found?.text ?? '')).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })
})

const utf16le = Buffer.from(`\uFEFF${configMap('a')}`, 'utf16le')

test.each([
  ['JSON', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, undefined, '\t')],
  ['a byte order mark', `\uFEFF${configMap('a')}`],
  ['Windows line ends', configMap('a').replaceAll('\n', '\r\n')],
  ['UTF-16', utf16le],
  ['UTF-16 the other way', Buffer.from(utf16le).swap16()],
  ['a name from a merge key', 'apiVersion: v1\nkind: ConfigMap\nx: &x {name: a}\nmetadata: {<<: *x}\n'],
])('reads %s', (_, text) => {
  expect(namesIn(text)).toEqual(['a'])
})

test('JSON objects one after the other are documents', () => {
  const object = (name: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { x: '}{"' } })
  const found = read(`${object('a')}\n${object('b')}${object('c')}\n`, 'a.json')
  expect(found.map(({ name, line }) => [name, line])).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 2],
  ])
  expect(found.map(({ text }) => text)).toEqual(['a', 'b', 'c'].map(object))
  expect(() => read(`${object('a')}\n{"apiVersion":"v1"}`, 'a.json')).toThrow('a.json:2: document 2: an object needs')
})

test('the items of a List are objects of their own', () => {
  const found = read(
    'apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: a\n    data:\n      x: |\n        one\n          two\n  - {apiVersion: v1, kind: Secret, metadata: {name: b, namespace: x}}\n',
  )
  expect(found.map(({ kind, name, namespace, line }) => [kind, name, namespace, line])).toEqual([
    ['ConfigMap', 'a', undefined, 4],
    ['Secret', 'b', 'x', 12],
  ])
  expect(parse(found[0]?.text ?? '')).toMatchObject({ metadata: { name: 'a' }, data: { x: 'one\n  two\n' } })
  expect(namesIn(found[1]?.text ?? '')).toEqual(['b'])
})

test('a List in JSON, too, and one with nothing in it', () => {
  const list = { apiVersion: 'v1', kind: 'ConfigMapList', items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }] }
  const found = read(JSON.stringify(list, undefined, 2), 'a.json')
  expect(found.map(({ name, text }) => [name, (JSON.parse(text) as { kind: string }).kind])).toEqual([['a', 'ConfigMap']])
  expect(read('apiVersion: v1\nkind: List\nitems: []\n')).toEqual([])
})

const listWith = (items: string): string => `apiVersion: v1\nkind: List\nitems:\n${items}`

test('anchors within an item are kept; an item that needs those of another is refused', () => {
  const own = listWith('- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a, labels: &l {x: y}}\n  data: *l\n')
  expect(parse(read(own)[0]?.text ?? '')).toMatchObject({ data: { x: 'y' } })
  const shared = `${own}- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: b, labels: *l}\n`
  expect(() => read(shared)).toThrow(/^a\.yaml:8: .*write it as a document/)
})

const bomb = 'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n'

test.each([
  ['broken YAML', 'a: b\nc: [\n', 'a.yaml:2: not YAML'],
  ['a tab', 'a:\n\tb: 1\n', 'a.yaml:2: not YAML: Tabs'],
  ['a key twice', 'a: 1\nb: 2\na: 3\n', 'a.yaml:3: not YAML: Map keys must be unique'],
  ['a key twice in JSON', '{"a": 1,\n"a": 2}', 'a.yaml:2: not YAML: Map keys must be unique'],
  ['no kind', 'apiVersion: v1\nmetadata: {name: a}\n', 'a.yaml:1: an object needs apiVersion and kind'],
  ['no name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n', 'a.yaml:1: ConfigMap needs metadata.name'],
  ['a number as name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 123}\n', 'name must be text: put 123 into quotes'],
  ['generateName', 'apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n', 'generateName cannot be applied twice'],
  ['a text', 'just words\n', 'a document must be an object'],
  ['an array', '- a\n', 'a document must be an object'],
  ['an alias bomb', bomb, 'a.yaml:1: '],
  ['deep nesting', `a: ${'['.repeat(20_000)}`, 'nested too deeply'],
  ['bytes that are no text', Buffer.from([0x61, 0xff, 0xfe, 0x80]), 'neither UTF-8'],
  ['an object for nobody', `${configMap('a')}data: {x: "${'x'.repeat(4 << 20)}"}\n`, 'ConfigMap a has 4.00 MiB of data'],
  [
    'the third of four documents',
    `${configMap('a')}---\n# nothing\n---\nkind: ConfigMap\n---\n${configMap('c')}`,
    'a.yaml:7: document 3: an object needs',
  ],
  ['a document that is broken', `${configMap('a')}---\na: [\n`, 'a.yaml:5: document 2: not YAML'],
  ['UTF-16 without a mark', Buffer.from(configMap('a'), 'utf16le'), 'a.yaml:1: it is UTF-16 without a byte order mark'],
])('%s is refused with its place', (_, text, message) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: 'invalid_manifest', message: expect.stringContaining(message) }))
})

test('whatever the bytes are, they are read or refused, never an accident', () => {
  const pieces = fc.constantFrom(
    'a: ',
    '- ',
    '\n',
    '---\n',
    '{',
    '}',
    '"',
    "'",
    '&x ',
    '*x',
    '<<: ',
    '!t ',
    '|',
    '\t',
    '  ',
    'kind: List\n',
    'items:\n',
    '\u0000',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      try {
        read(parts.join(''))
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'invalid_manifest' })
      }
    }),
    { numRuns: 2000 },
  )
})

test.for(['yaml', 'json', 'list'] as const)('five thousand objects in one file are read in no time: %s', (form) => {
  const names = Array.from({ length: 5000 }, (_, index) => `map-${index}`)
  const objects = names.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } }))
  const text = {
    yaml: names.map(configMap).join('---\n'),
    json: objects.map((object) => JSON.stringify(object, undefined, 2)).join('\n'),
    list: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, undefined, 2),
  }[form]
  const begun = performance.now()
  expect(namesIn(text)).toEqual(names)
  // A net for what grows with the square of the number, which takes minutes.
  expect(performance.now() - begun).toBeLessThan(10_000)
})

const packageOf = (files: Record<string, string>) => new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]))

test('files, folders and globs choose; everything that is a manifest when nothing is said', () => {
  const json = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}'
  const files = packageOf({
    'a.yaml': configMap('a'),
    'sub/b.yml': configMap('b'),
    'sub/deep/c.json': json,
    plain: configMap('p'),
    'README.md': 'no',
  })
  const names = (paths?: string[]) => selectObjects(files, paths, 'shop').map(({ name }) => name)
  expect(names()).toEqual(['a', 'b', 'c'])
  expect(names(['.'])).toEqual(['a', 'b', 'c'])
  expect(names(['sub'])).toEqual(['b', 'c'])
  expect(names(['./sub/'])).toEqual(['b', 'c'])
  expect(names(['sub/*.yml', 'a.yaml'])).toEqual(['a', 'b'])
  expect(names(['**/*.json'])).toEqual(['c'])
  expect(names(['./plain'])).toEqual(['p'])
  expect(() => names(['a.yaml', 'nowhere'])).toThrow('there is nothing at nowhere')
})

test('nothing to apply, and the same object twice, are refused', () => {
  const select = (files: Record<string, string>) => selectObjects(packageOf(files), undefined, 'shop')
  expect(() => select({ 'README.md': 'no' })).toThrow(expect.objectContaining({ code: 'empty_package' }))
  expect(() => select({ 'a.yaml': '# nothing\n' })).toThrow(expect.objectContaining({ code: 'empty_package' }))
  expect(() => select({ 'a.yaml': configMap('a'), 'b.yaml': configMap('a') })).toThrow('b.yaml:1: ConfigMap a is already at a.yaml:1')
  const elsewhere = configMap('a').replace('name: a', 'name: a, namespace: other')
  expect(select({ 'a.yaml': configMap('a'), 'b.yaml': elsewhere })).toHaveLength(2)
  const here = configMap('a').replace('name: a', 'name: a, namespace: shop')
  expect(() => select({ 'a.yaml': configMap('a'), 'b.yaml': here })).toThrow('already at a.yaml:1')
  const versions = ['apps/v1', 'apps/v1beta1'].map((version) => configMap('a').replace('v1', version))
  expect(() => select({ 'a.yaml': versions.join('---\n') })).toThrow('already at a.yaml:1')
})

test('what others need comes first, and the author’s order stays within a rank', () => {
  const wanted = [
    ['v1', 'Namespace'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['v1', 'Secret'],
    ['v1', 'PersistentVolumeClaim'],
    ['v1', 'Service'],
    ['apps/v1', 'Deployment'],
    ['serving.knative.dev/v1', 'Service'],
    ['batch/v1', 'Job'],
    ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
  ] as const
  const given = [6, 9, 7, 5, 8, 4, 3, 2, 1, 0].map((at) => wanted[at] ?? ['', ''])
  const objects = given.flatMap(([version, kind]) => read(`apiVersion: ${version}\nkind: ${kind}\nmetadata: {name: a}\n`))
  expect(inOrder(objects).map(({ kind, group }) => [kind, group])).toEqual(
    wanted.map(([version, kind]) => [kind, version.includes('/') ? version.split('/')[0] : '']),
  )
})
