import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Secret } from '../model/secret.ts'
import { formsOf } from './encodings.ts'
import { createMasker, maskRules } from './mask.ts'

const stars = '********'
const rulesOf = (secrets: readonly string[]) => maskRules(secrets.map((secret) => new Secret(secret)))

const masked = (secrets: readonly string[], chunks: readonly string[]): string => {
  const masker = createMasker(rulesOf(secrets))
  const parts = chunks.map((chunk) => Buffer.from(masker.push(Buffer.from(chunk, 'latin1'))))
  return Buffer.concat([...parts, Buffer.from(masker.flush())]).toString('latin1')
}

const unwrapNaively = (text: string): { readonly bare: string; readonly places: readonly number[] } => {
  const places: number[] = []
  let isBetween = false
  for (const [at, letter] of [...text].entries()) {
    isBetween = '\r\n'.includes(letter) || (isBetween && ' \t'.includes(letter))
    if (!isBetween) places.push(at)
  }
  return { bare: places.map((at) => text[at]).join(''), places }
}

/** What must come out, found by looking at every place for every form and every piece of one. */
const bruteForce = (secrets: readonly string[], text: string): string => {
  const hidden = new Array<boolean>(text.length).fill(false)
  const { bare, places } = unwrapNaively(text)
  for (const form of secrets.flatMap((secret) => formsOf(secret).map((bytes) => bytes.toString('latin1')))) {
    const whole = unwrapNaively(form).bare
    if (whole.length < 24) {
      for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1)) hidden.fill(true, at, at + form.length)
      continue
    }
    for (let at = 0; at + 16 <= bare.length; at++)
      if (whole.includes(bare.slice(at, at + 16))) for (const place of places.slice(at, at + 16)) hidden[place] = true
  }
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
const cases = Number(process.env['MASK_CASES'] ?? 4000)
/** No secret has it, so that nothing before it is held back for what might come. */
const end = '\x01'

const letters = (from: string, minLength: number, maxLength: number) => fc.string({ unit: fc.constantFrom(...from), minLength, maxLength })
const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 })

describe('agrees with brute force, however the text is cut', { timeout: 20_000 + cases }, () => {
  test('with short secrets', () => {
    const secrets = fc.array(letters('ab', 1, 5), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(secrets, letters('abc', 0, 60), sizes, (given, text, at) => {
        expect(masked(given, cut(text + end, at))).toBe(bruteForce(given, text + end))
      }),
      { numRuns: cases },
    )
  })

  test('with long secrets, of which there are pieces, wrapped and indented', () => {
    const long = fc.oneof(letters('ab', 24, 40), letters('abc\n', 24, 60), letters('abcdefgh"<', 24, 80))
    const secrets = fc.tuple(fc.array(long, { minLength: 1, maxLength: 3 }), fc.array(letters('ab', 1, 6), { maxLength: 2 }))
    const piece = fc.record({
      secret: fc.nat(),
      form: fc.nat(),
      from: fc.integer({ min: 0, max: 60 }),
      length: fc.integer({ min: 1, max: 90 }),
      wrap: fc.integer({ min: 3, max: 70 }),
      line: fc.constantFrom('', '', '\n', '\r\n', '\n  ', '\n\t'),
      after: letters('ab \n', 0, 6),
    })
    fc.assert(
      fc.property(secrets, fc.array(piece, { maxLength: 4 }), sizes, ([longOnes, shortOnes], pieces, at) => {
        const given = [...longOnes, ...shortOnes]
        const written = pieces.map(({ secret, form, from, length, wrap, line, after }) => {
          const forms = formsOf(given[secret % given.length] ?? '')
          const text = (forms[form % forms.length] ?? Buffer.alloc(0)).toString('latin1').slice(from, from + length)
          return text.replaceAll(new RegExp(`[^]{${wrap}}`, 'g'), `$&${line}`) + after
        })
        const text = written.join('') + end
        expect(masked(given, cut(text, at))).toBe(bruteForce(given, text))
      }),
      { numRuns: cases },
    )
  })
})

describe.each([
  ['as it is', (secret: string) => secret],
  ['base64', (secret: string) => Buffer.from(secret).toString('base64')],
  ['base64url', (secret: string) => Buffer.from(secret).toString('base64url')],
  ['hexadecimal', (secret: string) => Buffer.from(secret).toString('hex')],
  ['hexadecimal in capitals', (secret: string) => Buffer.from(secret).toString('hex').toUpperCase()],
  ['URL-encoded', (secret: string) => encodeURIComponent(secret)],
  ['as a form', (secret: string) => new URLSearchParams({ a: secret }).toString().slice(2)],
  ['JSON', (secret: string) => JSON.stringify(secret).slice(1, -1)],
  ['JSON of Go', (secret: string) => JSON.stringify(secret).slice(1, -1).replaceAll('<', '\\u003c').replaceAll('&', '\\u0026')],
  ['JSON in JSON', (secret: string) => JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
  ['XML', (secret: string) => secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;')],
  [
    'HTML of Go',
    (secret: string) => secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
  ],
  ['in single quotes of a shell', (secret: string) => secret.replaceAll("'", "'\\''")],
  ['in double quotes of a shell', (secret: string) => secret.replaceAll(/["$`\\]/g, '\\$&')],
])('hides a secret written %s', (_, write) => {
  const secrets = [`p/ss'w"rd+long?enough=1&<$`, 'kW9-x_2z/Q+b"\'<&$~more.of.it,to.be.long.enough.to.be.wrapped.twice:0123456789']

  test.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [3, 3],
  ])('after %i and before %i bytes of something else', (before, after) => {
    for (const secret of secrets) {
      const around = (text: string): string => write(`${'#'.repeat(before)}${text}${'#'.repeat(after)}`)
      const out = masked([secret], [`before ${around(secret)} after`])
      expect(out).toMatch(/^before .*\*{8}.* after$/)
      const written = around(secret)
      for (let at = 4; at + 12 <= written.length - 4; at++) expect(out).not.toContain(written.slice(at, at + 8))
    }
  })

  test.each([64, 76])('in lines of %i', (width) => {
    const secret = secrets[1] ?? ''
    const lines = (write(secret).match(new RegExp(`.{1,${width}}`, 'g')) ?? []).map((line) => `    ${line}`)
    const out = masked([secret], [`text:\n${lines.join('\n')}\nend\n`])
    // Of base64 the last letter stays, which tells less than a byte, and what fills it up.
    const tail = / {4}\*{8}[\w=-]?={0,2}$/
    expect(out.split('\n').map((line) => line.replace(tail, '    ********'))).toEqual([
      'text:',
      ...lines.map(() => `    ${stars}`),
      'end',
      '',
    ])
  })
})

test('a piece of a long secret is hidden, whatever was cut off', () => {
  const secret = 'eyJhbGciOiJSUzI1NiJ9.c29tZS1wYXlsb2Fk.c2lnbmF0dXJl'
  expect(masked([secret], [`token ${secret.slice(0, 20)}! and !${secret.slice(-18)}`])).toBe(`token ${stars}! and !${stars}`)
})

test('the lines of a key are hidden one by one, with whatever is before them', () => {
  const lines = ['-----BEGIN PRIVATE KEY-----', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', 'BKcwggSjAgEAAoIBAQDGk7Vx', '-----END PRIVATE KEY-----']
  const out = masked([lines.join('\n')], [lines.map((line, n) => `${n}| ${line}\n`).join('')])
  expect(out).toBe(lines.map((_, n) => `${n}| ${stars}\n`).join(''))
})

describe('what is held back', () => {
  const push = (masker: ReturnType<typeof createMasker>, text: string): string => Buffer.from(masker.push(Buffer.from(text))).toString()

  test('is only what may become a secret', () => {
    const masker = createMasker(rulesOf(['secret-value']))
    expect(push(masker, 'a line!\n')).toBe('a line!\n')
    expect(push(masker, 'sec')).toBe('')
    expect(push(masker, 'ond!\n')).toBe('second!\n')
  })

  test('does not wait for ever when it tells nothing', () => {
    const masker = createMasker(rulesOf(['secret-value', 'another-long-secret-of-someone']))
    expect(push(masker, 'see sec')).toBe('see ')
    expect(Buffer.from(masker.idle()).toString()).toBe('sec')
    expect(push(masker, 'ret-value and another')).not.toContain('value')
  })

  test('waits for the next byte when it would tell something, and is hidden at the end', () => {
    const masker = createMasker(rulesOf(['another-long-secret-of-someone']))
    expect(push(masker, 'it is another-long')).toBe('it is ')
    expect(masker.idle()).toHaveLength(0)
    expect(Buffer.from(masker.flush()).toString()).toBe(stars)
  })

  test('is looked at anew when there is more to hide', () => {
    const old = 'the-first-of-two-long-secrets'
    const other = 'short-one'
    const masker = createMasker(rulesOf([old]))
    const first = push(masker, `x ${old.slice(0, 20)}`)
    masker.use(rulesOf([old, other]))
    expect(first + push(masker, `${old.slice(20)} short-`) + push(masker, 'one.')).toBe(`x ${stars} ${stars}.`)
  })
})

test('every byte value may be in a secret', () => {
  const secret = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1')
  const out = masked([secret], [`x${Buffer.from(secret, 'utf8').toString('latin1')}y`])
  // Its own line ends stay, with what looks like indentation after them.
  expect(out.replaceAll(/[\r\n\t ]/g, '')).toMatch(/^x\*{8,24}y$/)
})

test('a gap that no indentation has ends a piece, and nothing is held for it', () => {
  const secret = 'another-long-secret-of-someone'
  const masker = createMasker(rulesOf([secret]))
  const text = `${secret.slice(0, 12)}\n${' '.repeat(5000)}${secret.slice(12, 24)}.`
  const given = cut(
    text,
    Array.from({ length: 300 }, () => 17),
  ).map((chunk) => masker.push(Buffer.from(chunk)).length)
  expect(Math.max(...given)).toBeLessThan(2000)
  expect(given.reduce((sum, length) => sum + length, 0)).toBe(text.length)
})

test('too much to mask is an error, not a leak', () => {
  const long = Array.from({ length: 400_000 }, (_, index) => String.fromCodePoint(33 + (index % 90))).join('')
  const masker = createMasker(rulesOf([long, `${long}x`]))
  expect(() => masker.push(Buffer.from('x'))).toThrow(RangeError)
})
