import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Secret } from '../model/secret.ts'
import { createMasker } from './mask.ts'

const stars = '********'

const masked = (secrets: readonly string[], chunks: readonly string[]): string => {
  const masker = createMasker(secrets.map((secret) => new Secret(secret)))
  const parts = chunks.map((chunk) => Buffer.from(masker.push(Buffer.from(chunk, 'latin1'))))
  return Buffer.concat([...parts, Buffer.from(masker.flush())]).toString('latin1')
}

/** What must come out, found by looking at every place for every secret. */
const bruteForce = (secrets: readonly string[], text: string): string => {
  const hidden = new Array<boolean>(text.length).fill(false)
  for (const secret of secrets)
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) hidden.fill(true, at, at + secret.length)
  let out = ''
  for (let at = 0; at < text.length; at++)
    if (!hidden[at]) out += text[at]
    else if (!hidden[at - 1] || at === 0) out += stars
  return out
}

const cut = (text: string, sizes: readonly number[]): string[] => {
  const chunks: string[] = []
  let at = 0
  for (const size of sizes) {
    chunks.push(text.slice(at, at + size))
    at += size
  }
  return [...chunks, text.slice(at)]
}

/** MASK_CASES makes it long; what fails prints the seed that repeats it. */
const cases = Number(process.env['MASK_CASES'] ?? 5000)

test('agrees with brute force, however the text is cut', { timeout: 20_000 + cases }, () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 60 }),
      fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 20 }),
      (secrets, text, sizes) => {
        expect(masked(secrets, cut(text, sizes))).toBe(bruteForce(secrets, text))
      },
    ),
    { numRuns: cases },
  )
})

test.each([
  ['as it is', (secret: string) => secret],
  ['base64', (secret: string) => Buffer.from(`x: ${secret}`).toString('base64')],
  ['base64 at the second alignment', (secret: string) => Buffer.from(`ab${secret}z`).toString('base64')],
  ['base64url', (secret: string) => Buffer.from(secret).toString('base64url')],
  ['hexadecimal', (secret: string) => Buffer.from(secret).toString('hex')],
  ['URL-encoded', (secret: string) => encodeURIComponent(secret)],
  ['JSON', (secret: string) => JSON.stringify(secret)],
])('hides a secret written %s', (_, write) => {
  const secret = 'p/ss w"rd+long?enough=1'
  const text = `before ${write(secret)} after`
  const out = masked([secret], [text])
  expect(out).toMatch(/^before .*\*{8}.* after$/)
  for (let at = 0; at + 8 <= secret.length; at++) expect(out).not.toContain(secret.slice(at, at + 8))
})

test('gives a line at once that only begins like a secret', () => {
  const masker = createMasker([new Secret('secret-value')])
  expect(Buffer.from(masker.push(Buffer.from('a line\n'))).toString()).toBe('a line\n')
  expect(Buffer.from(masker.push(Buffer.from('sec'))).toString()).toBe('')
  expect(Buffer.from(masker.push(Buffer.from('ond\n'))).toString()).toBe('second\n')
})

test('every byte value may be in a secret', () => {
  const secret = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1')
  expect(masked([secret], [`x${Buffer.from(secret, 'utf8').toString('latin1')}y`])).toBe(`x${stars}y`)
})

test('too much to mask is an error, not a leak', () => {
  const long = Array.from({ length: 40_000 }, (_, index) => String.fromCodePoint(33 + (index % 90))).join('')
  const masker = createMasker([new Secret(long), new Secret(`${long}x`)])
  expect(() => masker.push(Buffer.from('x'))).toThrow(RangeError)
})
