import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deletesDry, lookInto } from './facts.ts'

const token = 'kubernetes.io/service-account-token'
const look = (body: string | Buffer, type = 'application/json'): ReturnType<typeof lookInto> => lookInto(type, Buffer.from(body))
const sent = (body: string, type?: string): unknown => JSON.parse(look(body, type).body?.toString() ?? '')

test.each(['application/json', 'application/merge-patch+json', 'application/json; charset=utf-8', '', 'application/apply-patch+yaml'])(
  'JSON as %s',
  (type) => {
    expect(look(`{"type":"${token}","metadata":{"name":"a"}}`, type).facts).toMatchObject({
      secretType: token,
      name: 'a',
      unreadable: false,
    })
    expect(look('{"rules":[{"verbs":["get","bind"]},{"verbs":["*"]}]}', type).facts.verbs).toEqual(['get', 'bind', '*'])
  },
)

test('YAML, read as the API server reads it', () => {
  expect(look(`type: "kubernetes.io\\u002fservice-account-token"\nmetadata: {name: a}\n`, 'application/yaml').facts).toMatchObject({
    secretType: token,
    name: 'a',
  })
  const text = 'stringData:\n  a: 2001-01-01\n  b: "x\\ty"\n  c: |\n    two\n    lines\n'
  expect(sent(text, 'application/apply-patch+yaml')).toEqual({ stringData: { a: '2001-01-01', b: 'x\ty', c: 'two\nlines\n' } })
})

test.each([
  ['an anchor', 'x: &a {type: b}\ny: *a'],
  ['a merge key', 'x: 1\n<<: {type: b}'],
  ['a tag', 'type: !!binary aGVsbG8='],
  ['a key given twice', 'type: a\ntype: b'],
  ['two documents', 'type: a\n---\ntype: b'],
  ['no YAML', '{a: ['],
])('YAML with %s is unreadable', (_, text) => {
  expect(look(text, 'application/yaml').facts.unreadable).toBe(true)
})

test.each([
  ['another encoding', 'application/cbor', '{}'],
  ['a form', 'application/x-www-form-urlencoded', 'type=a'],
  ['broken UTF-8', 'application/json', Buffer.from([0x7b, 0xff, 0x7d])],
  ['protobuf that says JSON', 'application/json', Buffer.from('k8s\0abc', 'latin1')],
  ['JSON that says protobuf', 'application/vnd.kubernetes.protobuf', '{}'],
  ['a number', 'application/json', '3'],
  ['nothing', 'application/json', ''],
])('%s is unreadable', (_, type, body) => {
  expect(look(body, type).facts.unreadable).toBe(true)
})

test('a body that was too large is unreadable', () => {
  expect(lookInto('application/json', undefined)).toEqual({ facts: { unreadable: true }, body: undefined })
})

test('of a key given twice only the one that was judged goes on', () => {
  expect(sent(`{"type":"${token}","type":null,"metadata":{"name":"evil"},"metadata":{"name":"dev"}}`)).toEqual({
    type: null,
    metadata: { name: 'dev' },
  })
})

test('what goes on says the same, whatever it holds', () => {
  fc.assert(
    fc.property(fc.object({ withNullPrototype: false }), (value) => {
      const text = JSON.stringify(value)
      expect(sent(text)).toEqual(JSON.parse(text))
    }),
  )
  expect(look('{"a":"\u0085\u2028\ufeff\\ud83d\\ude80"}', 'application/apply-patch+yaml').body?.toString()).toBe(
    '{"a":"\\u0085\\u2028\\ufeff\u{1f680}"}',
  )
})

test.each([
  ['the type', [{ op: 'replace', path: '/type', value: 'x' }]],
  ['everything', [{ op: 'replace', path: '', value: {} }]],
  ['rules from elsewhere', [{ op: 'copy', from: '/metadata/annotations/a', path: '/rules/0/verbs/-' }]],
  ['no path', [{ op: 'add' }]],
  ['null', [null]],
])('a JSON patch of %s is unreadable', (_, patch) => {
  expect(look(JSON.stringify(patch), 'application/json-patch+json').facts.unreadable).toBe(true)
})

test('a JSON patch tells the verbs that it puts into rules', () => {
  const patch = [
    { op: 'add', path: '/rules/-', value: { verbs: ['escalate'], resources: ['roles'] } },
    { op: 'add', path: '/metadata/labels/x', value: 'y' },
  ]
  expect(look(JSON.stringify(patch)).facts).toMatchObject({ verbs: ['escalate', 'roles'], unreadable: false })
})

const field = (number: number, bytes: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, Buffer.byteLength(bytes)]), Buffer.from(bytes)])
const proto = (...raw: Buffer[]): Buffer => Buffer.concat([Buffer.from('k8s\0', 'latin1'), field(2, Buffer.concat(raw))])
const protobuf = 'application/vnd.kubernetes.protobuf'

test('protobuf: a message given twice is merged, the last value counts', () => {
  const body = proto(field(1, field(1, 'one')), field(3, 'Opaque'), field(3, token), field(1, field(2, 'generated')))
  expect(look(body, protobuf)).toEqual({ facts: { secretType: token, name: 'one', verbs: [], secretValues: [], unreadable: false }, body })
  expect(look(proto(field(2, Buffer.concat([field(1, 'get'), field(1, 'bind')]))), protobuf).facts.verbs).toEqual(['get', 'bind'])
})

test('protobuf: a tag beyond 32 bits could be another field for Go', () => {
  const decoy = Buffer.from([0x9a, 0x80, 0x80, 0x80, 0x10, 1, 0x41])
  expect(look(proto(field(3, token), decoy), protobuf).facts.unreadable).toBe(true)
})

test('bytes at random never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(protobuf, 'application/json', 'application/yaml'), (bytes, type) => {
      look(Buffer.concat([Buffer.from(type === protobuf ? 'k8s\0' : '', 'latin1'), bytes]), type)
    }),
  )
})

test('dry runs of deletes are said in the body', () => {
  expect(['{"dryRun":["All"]}', '{"dryRun":[]}', '{', ''].map((text) => deletesDry(Buffer.from(text)))).toEqual([true, false, false, false])
  expect(deletesDry(undefined)).toBe(false)
})

test.each<readonly [string, Buffer | string, string]>([
  ['JSON', '{"data":{"a":"b25lLXZhbHVl"},"stringData":{"b":"two-values"}}', 'application/json'],
  ['YAML', 'data: {a: b25lLXZhbHVl}\nstringData: {b: two-values}\n', 'application/apply-patch+yaml'],
  [
    'protobuf',
    proto(
      field(2, Buffer.concat([field(1, 'a'), field(2, 'one-value')])),
      field(4, Buffer.concat([field(1, 'b'), field(2, 'two-values')])),
    ),
    protobuf,
  ],
])('the values of a Secret are read from %s', (_, body, type) => {
  expect(look(body, type).facts.secretValues).toEqual(['one-value', 'two-values'])
})
