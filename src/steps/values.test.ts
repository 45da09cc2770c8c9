import { expect, test } from 'vitest'
import { readValues } from './values.ts'

test.for([
  ['a map', 'a: 1\n'],
  ['nothing', ''],
  ['comments', '# none\n'],
  ['separators around one document', '---\na: 1\n---\n'],
  ['a key twice, which helm takes', 'a: 1\na: 2\n'],
  ['Windows line ends', 'a: 1\r\nb: 2\r\n'],
] as const)('%s is read as it stands', ([, text]) => {
  expect(readValues('values.yaml', Buffer.from(text))).toBe(text)
})

test('UTF-16 becomes what helm can read', () => {
  expect(readValues('values.yaml', Buffer.from('\uFEFFa: ä\n', 'utf16le'))).toBe('a: ä\n')
})

test.for([
  ['a list', '- a\n- b\n', 'my.yaml:1: values are a map of names, and this is a list'],
  ['a text', 'replicas\n', 'this is a text'],
  ['a number', '3\n', 'this is a number'],
  ['broken YAML', 'a: 1\nb: [\n', 'my.yaml:3: not YAML'],
  ['two documents', 'a: 1\n---\nb: 1\n', 'my.yaml:3: helm reads the first document only'],
  [
    'an alias bomb',
    `a: &a [x,x]\n${'b'.repeat(1)}: &b [${'*a,'.repeat(600)}]\nc: [${'*b,'.repeat(600)}]\n`,
    'my.yaml:1: Excessive alias count',
  ],
  ['Latin-1', Buffer.from([0x61, 0x3a, 0x20, 0xe4]), 'neither UTF-8 nor UTF-16'],
] as const)('%s is refused', ([, bytes, message]) => {
  expect(() => readValues('my.yaml', Buffer.from(bytes as string))).toThrow(
    expect.objectContaining({ code: 'chart_invalid', message: expect.stringContaining(message) }),
  )
})
