/** The three ways in which base64 can show a text, by where it begins in a group of three; partial groups are cut off. */
const base64Forms = (bytes: Buffer): Buffer[] =>
  [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    const from = offset === 0 ? 0 : offset + 1
    const whole = Math.floor(((offset + bytes.length) * 8) / 6)
    return Buffer.from(encoded.slice(from, whole))
  })

const urlSafe = (form: Buffer): Buffer => Buffer.from(form.toString('latin1').replaceAll('+', '-').replaceAll('/', '_'))

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')

/** encoding/json of Go writes what HTML could trip over as numbers; others write all that is not ASCII so. */
const goJson = (text: string): string => inJson(text).replaceAll(/[<>&\u2028\u2029]/g, (found) => `\\u${hex(found.charCodeAt(0), 4)}`)
const asciiJson = (text: string): string => inJson(text).replaceAll(/[^\0-\x7f]/g, (found) => `\\u${hex(found.charCodeAt(0), 4)}`)

/** %q of Go's fmt: what JSON does with quotes, and other names for control characters. */
const goQuoted = (text: string): string =>
  inJson(text).replaceAll(/\\u00([01][0-9a-f])/g, (_, code: string) => ({ '07': '\\a', '0b': '\\v' })[code] ?? `\\x${code}`)

/** encodeURIComponent leaves a few characters that others encode (RFC 3986 section 2.2: sub-delims). */
const strictUrl = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (found) => `%${hex(found.charCodeAt(0), 2).toUpperCase()}`)
/** As browsers write forms (WHATWG URL, application/x-www-form-urlencoded). */
const inForm = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)
const lowerEscapes = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (found) => found.toLowerCase())

const entities: Readonly<Record<string, readonly [named: string, numbered: string]>> = {
  '&': ['&amp;', '&amp;'],
  '<': ['&lt;', '&lt;'],
  '>': ['&gt;', '&gt;'],
  '"': ['&quot;', '&#34;'],
  "'": ['&apos;', '&#39;'],
}
const xml = (text: string, which: 0 | 1): string => text.replaceAll(/[&<>"']/g, (found) => entities[found]?.[which] ?? found)

/** POSIX shells in single quotes, and with a backslash before whatever means something to them (printf %q). */
const singleQuoted = (text: string): string => text.replaceAll("'", `'\\''`)
const backslashed = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9_@%+=:,./\n-]/g, (found) => (found > '\x7f' ? found : `\\${found}`))

/** In double quotes only four characters mean something (POSIX 2.2.3). */
const doubleQuoted = (text: string): string => text.replaceAll(/[$`"\\]/g, '\\$&')

const textForms = (secret: string): string[] => {
  const url = [encodeURIComponent(secret), strictUrl(secret), strictUrl(secret).replaceAll('%20', '+'), inForm(secret)]
  const json = [inJson(secret), goJson(secret), asciiJson(secret), inJson(inJson(secret)), goQuoted(secret)]
  const shell = [singleQuoted(secret), doubleQuoted(secret), backslashed(secret)]
  return [...url, ...url.map(lowerEscapes), ...json, xml(secret, 0), xml(secret, 1), ...shell]
}

/** Shorter forms would hide ordinary text. */
const shortest = 6

/**
 * The forms in which a secret may appear in output: as it is, base64 and base64url at each alignment, hexadecimal in both cases, URL-encoded,
 * and escaped for JSON (also twice), Go, XML and shells.
 */
export const formsOf = (secret: string): readonly Buffer[] => {
  const bytes = Buffer.from(secret, 'utf8')
  const base64 = base64Forms(bytes)
  const digits = bytes.toString('hex')
  const texts = [...textForms(secret), digits, digits.toUpperCase()].map((text) => Buffer.from(text))
  const all = [bytes, ...base64, ...base64.map(urlSafe), ...texts].filter((form, index) => index === 0 || form.length >= shortest)
  return [...new Map(all.filter((form) => form.length > 0).map((form) => [form.toString('latin1'), form])).values()]
}
