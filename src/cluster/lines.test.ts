import { PassThrough, Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { linesOf } from './lines.ts'

const linesFrom = async (chunks: readonly (string | Buffer)[]): Promise<string[]> =>
  Array.fromAsync(linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), 5000))

test('lines come out whole, however they come in', async () => {
  const text = '{"a":"ä€😀"}\n{"b":2}\n\n{"c":3}\n'
  const bytes = Buffer.from(text)
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
    expect(await linesFrom(chunks)).toEqual(['{"a":"ä€😀"}', '{"b":2}', '{"c":3}'])
  }
})

test('a line that was not ended is not given out', async () => {
  expect(await linesFrom(['{"a":1}\n{"b'])).toEqual(['{"a":1}'])
})

test('a line without end is refused', async () => {
  const mebibyte = 'x'.repeat(1024 * 1024)
  await expect(linesFrom(Array.from({ length: 18 }, () => mebibyte))).rejects.toMatchObject({ code: 'target_error' })
})

test('silence is an error', async () => {
  const body = new PassThrough()
  body.write('{"a":1}\n')
  const lines = linesOf(body, 20)
  expect((await lines.next()).value).toBe('{"a":1}')
  await expect(lines.next()).rejects.toMatchObject({ code: 'target_timeout' })
})
