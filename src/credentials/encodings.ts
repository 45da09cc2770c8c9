/** The three ways in which base64 can show a text, by where it begins in a group of three; partial groups are cut off. */
const base64Forms = (bytes: Buffer): Buffer[] =>
  [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    const from = offset === 0 ? 0 : offset + 1
    const whole = Math.floor(((offset + bytes.length) * 8) / 6)
    return Buffer.from(encoded.slice(from, whole))
  })

const urlSafe = (form: Buffer): Buffer => Buffer.from(form.toString('latin1').replaceAll('+', '-').replaceAll('/', '_'))

/** Shorter forms would hide ordinary text. */
const shortest = 6

/**
 * The forms in which a secret may appear in output: as it is, base64 and base64url at each alignment, URL-encoded,
 * JSON-escaped, and hexadecimal in both cases.
 */
export const formsOf = (secret: string): readonly Buffer[] => {
  const bytes = Buffer.from(secret, 'utf8')
  const base64 = base64Forms(bytes)
  const hex = bytes.toString('hex')
  const texts = [encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), hex, hex.toUpperCase()].map((text) => Buffer.from(text))
  const all = [bytes, ...base64, ...base64.map(urlSafe), ...texts].filter((form, index) => index === 0 || form.length >= shortest)
  return [...new Map(all.filter((form) => form.length > 0).map((form) => [form.toString('latin1'), form])).values()]
}
