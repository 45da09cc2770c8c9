import { expect, test } from 'vitest'
import { maskRules } from '../../src/credentials/mask.ts'
import type { LogStream } from '../../src/model/deployment.ts'
import { Secret } from '../../src/model/secret.ts'
import { createOutput } from './output.ts'

const collect = (secrets: readonly string[] = []) => {
  const lines: [LogStream, string][] = []
  const output = createOutput(maskRules(secrets.map((secret) => new Secret(secret))), (stream, text) => lines.push([stream, text]))
  return { lines, output }
}

test('lines come whole, wherever the bytes were cut, also inside a character', () => {
  const { lines, output } = collect()
  const bytes = Buffer.from('grüße ✓\r\nzwei\nrest')
  for (const byte of bytes) output.push('stdout', Buffer.of(byte))
  expect(lines.map(([, text]) => text)).toEqual(['grüße ✓', 'zwei'])
  output.end()
  expect(lines.at(-1)).toEqual(['stdout', 'rest'])
})

test('a secret is masked across chunks, and in what errors are read from', () => {
  const { lines, output } = collect(['hunter2-secret'])
  output.push('stderr', Buffer.from('Error: hunter2-'))
  output.push('stderr', Buffer.from('secret refused\n'))
  output.end()
  expect(lines).toEqual([['stderr', 'Error: ******** refused']])
  expect(output.lastErrors()).toBe('Error: ******** refused\n')
})

test('a line without an end is cut, so that it holds no memory for ever', () => {
  const { lines, output } = collect()
  for (let piece = 0; piece < 40; piece++) output.push('stdout', Buffer.alloc(10_000, 'x'))
  expect(Math.max(...lines.map(([, text]) => text.length))).toBeLessThanOrEqual(64 * 1024)
  output.end()
  expect(lines.reduce((sum, [, text]) => sum + text.length, 0)).toBe(400_000)
})

test('only the last errors are kept', () => {
  const { output } = collect()
  for (let line = 0; line < 5000; line++) output.push('stderr', Buffer.from(`line ${line}\n`))
  expect(output.lastErrors().length).toBeLessThanOrEqual(16 * 1024)
  expect(output.lastErrors()).toContain('line 4999')
})

test('what is held back is looked at with the secrets that came meanwhile', () => {
  const { lines, output } = collect()
  output.push('stdout', Buffer.from('first '))
  output.hide(maskRules([new Secret('old-secret-value')]))
  output.push('stdout', Buffer.from('old-sec'))
  output.hide(maskRules([new Secret('new-secret-value'), new Secret('old-secret-value')]))
  output.push('stdout', Buffer.from('ret-value and new-secret-value\n'))
  output.end()
  expect(lines).toEqual([['stdout', 'first ******** and ********']])
})

test('a line whose end might begin a secret comes when nothing follows it', () => {
  const { lines, output } = collect(['a-secret-value-that-is-long'])
  output.push('stdout', Buffer.from('this is a-s\n'))
  output.idle()
  expect(lines).toEqual([['stdout', 'this is a-s']])
})

test('a token that nobody told us of is hidden by its form', () => {
  const { lines, output } = collect()
  const part = (text: string): string => Buffer.from(`{"${text}":1}`).toString('base64url')
  output.push('stderr', Buffer.from(`${part('first-part')}.${part('second-part')}.signature\n`))
  expect(lines).toEqual([['stderr', `${part('first-part')}.********`]])
  expect(output.lastErrors()).not.toContain('signature')
})
