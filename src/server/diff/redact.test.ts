import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shownOf } from './redact.ts'

const hash = (value: string): string => String(value.length)
const show = (text: string) => shownOf(Buffer.from(text), hash)
const base64 = Buffer.from('hunter2').toString('base64')

test.each([
  [
    'a Secret',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: hunter2\n',
    ['name: db', 'password: (hidden 7)'],
  ],
  ['a Secret with data', `kind: Secret\nmetadata: {name: db}\ndata: {user: ${base64}}\n`, ['user: (hidden 12)']],
  ['a Secret in JSON', '{"kind":"Secret","metadata":{"name":"db"},"stringData":{"user":"hunter2"}}', ['user: (hidden 7)']],
  [
    'a Secret in a List',
    'kind: List\nitems:\n- {kind: Secret, stringData: {user: hunter2}}\n- {kind: ConfigMap, data: {a: b}}\n',
    ['a: b'],
  ],
  ['a Secret whose kind is an alias', 'a: &k Secret\nb: {kind: *k, data: {user: hunter2}}\n', ['user: (hidden 7)']],
  ['a Secret whose kind is escaped', '{"kind": "\\x53ecret", "data": {"user": "hunter2"}}', ['user: (hidden 7)']],
  ['a Secret after another document, and a comment', 'a: 1\n---\n# was hunter2\nkind: Secret\ndata: {user: hunter2}\n', ['a: 1']],
  ['what kubectl remembered', "kind: Secret\nmetadata: {name: db, annotations: {last: 'hunter2'}}\n", ['name: db']],
  ['a Secret in the text of another object', 'kind: ConfigMap\ndata:\n  x: |\n    kind: Secret\n    data: {user: hunter2}\n', ['(hidden']],
  ['a value with a speaking name', 'db:\n  adminPassword: hunter2\n  secretName: db\n', ['secretName: db', 'adminPassword: (hidden 7)']],
  ['a block of a speaking name', 'token: |\n  hunter2\n', ['(hidden']],
  ['an environment', 'env:\n- name: DB_PASSWORD\n  value: hunter2\n', ['name: DB_PASSWORD', 'value: (hidden 7)']],
  ['a comment with a speaking name', '# password: hunter2\na: 1\n', ['a: 1']],
  ['a properties file', 'user=me\npassword=hunter2\n: [', ['user=me']],
])('of %s no value is shown', (_, text, parts) => {
  const shown = show(text)
  expect(shown.isHidden).toBe(true)
  expect(shown.text).not.toContain('hunter2')
  expect(shown.text).not.toContain(base64)
  for (const part of parts) expect(shown.text).toContain(part)
})

test.each([
  ['a template that makes Secrets', Buffer.from('kind: Secret\ndata: {{ .Values.hunter2 }}\n  - x: [')],
  ['UTF-16', Buffer.from('\ufeffkind: Secret\nhunter2', 'utf16le')],
])('%s is not shown at all', (_, bytes) => {
  expect(shownOf(bytes, hash)).toEqual({ isHidden: true, note: expect.any(String) })
})

test('an archive is told of by its sum', () => {
  expect(shownOf(Buffer.from([0x1f, 0x8b, 0xff, 0xfe]), hash)).toEqual({ isHidden: false, note: 'not text' })
})

test('values that refer to themselves end nothing', () => {
  expect(show('a: &a [*a]\nb: 1\n')).toMatchObject({ isHidden: expect.any(Boolean) })
})

test('a harmless file is shown as it is written, with its comments', () => {
  const text = '# the shop\nkind: Deployment\nmetadata: {name: web} # here\n'
  expect(show(text)).toEqual({ isHidden: false, text })
  expect(show('x'.repeat(70_000))).toEqual({ isHidden: false, note: expect.stringContaining('64 KiB') })
})

test('no value of a Secret is ever shown, however it is laid out', () => {
  const value = fc.stringMatching(/^[a-z]{12}$/).map((text) => `zq${text}`)
  const layout = fc.constantFrom<(secret: object) => string>(
    (secret) => JSON.stringify(secret),
    (secret) => `# c\n---\n${JSON.stringify(secret, undefined, 2)}\n---\na: 1\n`,
    (secret) => JSON.stringify({ kind: 'List', items: [{ a: [secret] }] }),
    (secret) => `x: &x ${JSON.stringify(secret)}\ny: {<<: *x, z: 1}\n`,
  )
  fc.assert(
    fc.property(value, fc.constantFrom('data', 'stringData'), layout, (text, field, lay) => {
      expect(show(lay({ kind: 'Secret', metadata: { name: 'db' }, [field]: { key: text } })).text).not.toContain(text)
    }),
  )
})
