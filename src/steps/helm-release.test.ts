import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeRelease, encodeRelease } from './helm-release.ts'

const stored = (bytes: Buffer): string => Buffer.from(bytes.toString('base64')).toString('base64')

test('reads back what it wrote', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (values) => {
      const release = { name: 'web', info: { status: 'deployed' }, config: JSON.parse(JSON.stringify(values)) as unknown }
      expect(JSON.stringify(decodeRelease(encodeRelease(release)))).toBe(JSON.stringify(release))
    }),
  )
})

test.each([
  ['gzipped', (text: string) => gzipSync(text)],
  ['plain, as old versions of helm wrote it', (text: string) => Buffer.from(text)],
])('numbers that no double can hold come back digit for digit: %s', (_, packed) => {
  const text = '{"config":{"id":12345678901234567890,"rate":0.10,"huge":1e400}}'
  const release = decodeRelease(stored(packed(text)))
  expect(JSON.stringify(release)).toBe(text)
})

test.each([
  ['nothing', ''],
  ['no JSON', stored(Buffer.from('{'))],
  ['a damaged gzip', stored(gzipSync('{"a":1}').subarray(0, 12))],
])('%s is no release', (_, data) => {
  expect(() => decodeRelease(data)).toThrow(expect.objectContaining({ code: 'target_error' }))
})
