import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { seededRandom } from '../../../tests/support/random.ts'
import { linesOf, type NumberedLine } from './log.ts'

const read = async (chunks: readonly Uint8Array[]): Promise<NumberedLine[]> => {
  const found: NumberedLine[] = []
  const stdin = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks
  }
  for await (const line of linesOf({ stdin, cwd: '/' }, '-')) found.push(line)
  return found
}
const pieces = (bytes: Buffer, random: () => number): Buffer[] => {
  const made: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * 9)
    made.push(bytes.subarray(at, at + size))
    at += size
  }
  return made
}

test('lines come whole and numbered, however the bytes are cut, plain and packed', async () => {
  const random = seededRandom(3)
  const expected = ['{"a":"ü€😀"}', '', 'x'.repeat(50), 'without an end'].map((text, index) => ({ number: index + 1, text }))
  const bytes = Buffer.from(expected.map(({ text }) => text).join('\n'))
  const packed = Buffer.concat([gzipSync(bytes.subarray(0, 20)), gzipSync(bytes.subarray(20))])
  for (let round = 0; round < 20; round++) {
    expect(await read(pieces(bytes, random))).toEqual(expected)
    expect(await read(pieces(packed, random))).toEqual(expected)
  }
  expect(await read([])).toEqual([])
})

test('a line without an end is told by its number and takes no memory', async () => {
  const mebibyte = Buffer.alloc(1024 * 1024, 'x')
  const lines = await read([Buffer.from('a\n'), ...Array.from({ length: 40 }, () => mebibyte), Buffer.from('\nb\n')])
  expect(lines).toEqual([
    { number: 1, text: 'a' },
    { number: 2, text: undefined },
    { number: 3, text: 'b' },
  ])
})

test('what cannot be unpacked or read is an error that names the file', async () => {
  await expect(read([gzipSync('one\ntwo\n').subarray(0, 15)])).rejects.toMatchObject({ code: 'audit_log' })
  const stdin = (): AsyncIterable<Uint8Array> => (async function* () {})()
  const missing = linesOf({ stdin, cwd: '/' }, 'no/such.log')
  await expect(missing.next()).rejects.toMatchObject({ code: 'audit_log', message: expect.stringContaining('no/such.log') })
})
