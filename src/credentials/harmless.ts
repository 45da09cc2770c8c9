/** Colours are the only escapes that do nothing but look (ECMA-48 SGR). */
const escapes = /\x1b\[[0-9;:]{0,32}m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g
const colour = /^\x1b\[[0-9;:]*m$/

/** A line of foreign text that a terminal can show safely: control characters and bidi overrides are shown, not obeyed. */
export const harmless = (text: string): string =>
  text.replace(escapes, (found) => (colour.test(found) ? found : `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`))
