import { expect, test } from 'vitest'
import { readManifest } from './documents.ts'
import { inOrder } from './order.ts'
import { selectObjects } from './select.ts'

const read = (text: string | Buffer, file = 'a.yaml') => readManifest(file, Buffer.from(text))
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`

test('several documents, empty ones and comments between them', () => {
  const found = read(`# first\n---\n${configMap('a')}---\n---\n# nothing\n---\n${configMap('b')}`)
  expect(found.map(({ name, line }) => [name, line])).toEqual([
    ['a', 3],
    ['b', 10],
  ])
})

test('the author’s text is kept: nothing is read and written again', () => {
  const text = `${configMap('a')}data:\n  yes: "0777"\n  n: 'on' # said so\n  long: |\n    line\n`
  expect(read(text)[0]?.text).toBe(text)
})

test.each([
  ['JSON', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })],
  ['a byte order mark', `\uFEFF${configMap('a')}`],
  ['Windows line ends', configMap('a').replaceAll('\n', '\r\n')],
  ['UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(configMap('a'), 'utf16le')])],
])('reads %s', (_, text) => {
  expect(read(text).map(({ name }) => name)).toEqual(['a'])
})

test('the items of a List are objects of their own', () => {
  const found = read('apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: a\n  - {apiVersion: v1, kind: Secret, metadata: {name: b, namespace: x}}\n')
  expect(found.map(({ kind, name, namespace, line }) => [kind, name, namespace, line])).toEqual([
    ['ConfigMap', 'a', undefined, 4],
    ['Secret', 'b', 'x', 8],
  ])
  expect(read(found[0]?.text ?? '')[0]?.name).toBe('a')
  expect(read(found[1]?.text ?? '')[0]?.name).toBe('b')
})

test('a List in JSON, too', () => {
  const list = { apiVersion: 'v1', kind: 'ConfigMapList', items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }] }
  expect(read(JSON.stringify(list, undefined, 2), 'a.json').map(({ name, text }) => [name, (JSON.parse(text) as { kind: string }).kind])).toEqual([['a', 'ConfigMap']])
})

test.each([
  ['broken YAML', 'a: b\nc: [\n', 'a.yaml:2'],
  ['a tab', 'a:\n\tb: 1\n', 'a.yaml:2'],
  ['a key twice', 'a: 1\nb: 2\na: 3\n', 'a.yaml:3'],
  ['no kind', 'apiVersion: v1\nmetadata: {name: a}\n', 'a.yaml:1: an object needs apiVersion and kind'],
  ['no name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n', 'ConfigMap needs metadata.name'],
  ['generateName', 'apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n', 'generateName cannot be applied twice'],
  ['a text', 'just words\n', 'a document must be an object'],
  ['an alias bomb', 'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n', 'a.yaml:1'],
  ['bytes that are no text', Buffer.from([0x61, 0xff, 0xfe, 0x80]), 'neither UTF-8'],
])('%s is refused with its place', (_, text, message) => {
  expect(() => read(text)).toThrow(message)
})

const packageOf = (files: Record<string, string>) => new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]))

test('files, folders and globs choose; everything that is a manifest when nothing is said', () => {
  const files = packageOf({ 'a.yaml': configMap('a'), 'sub/b.yml': configMap('b'), 'sub/deep/c.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}', 'README.md': 'no' })
  const names = (paths?: string[]) => selectObjects(files, paths).map(({ name }) => name)
  expect(names()).toEqual(['a', 'b', 'c'])
  expect(names(['sub'])).toEqual(['b', 'c'])
  expect(names(['sub/*.yml', 'a.yaml'])).toEqual(['a', 'b'])
  expect(names(['**/*.json'])).toEqual(['c'])
})

test('nothing to apply, and the same object twice, are refused', () => {
  expect(() => selectObjects(packageOf({ 'README.md': 'no' }), undefined)).toThrow(expect.objectContaining({ code: 'empty_package' }))
  expect(() => selectObjects(packageOf({ 'a.yaml': configMap('a'), 'b.yaml': configMap('a') }), undefined)).toThrow('b.yaml:1: ConfigMap a is already at a.yaml:1')
})

test('what others need comes first, and the author’s order stays within a rank', () => {
  const kinds = ['Deployment', 'ValidatingWebhookConfiguration', 'Service', 'Job', 'PersistentVolumeClaim', 'Secret', 'Role', 'CustomResourceDefinition', 'Namespace']
  const objects = kinds.map((kind) => read(`apiVersion: v1\nkind: ${kind}\nmetadata: {name: a}\n`)[0]).filter((object) => object !== undefined)
  expect(inOrder(objects).map(({ kind }) => kind)).toEqual(['Namespace', 'CustomResourceDefinition', 'Role', 'Secret', 'PersistentVolumeClaim', 'Service', 'Deployment', 'Job', 'ValidatingWebhookConfiguration'])
})
