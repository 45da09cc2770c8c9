const withMark = (bytes: Uint8Array): string => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
}

/** What stands where text was expected, in words that go on from `it is`. */
export type NoText = { readonly problem: string }

/**
 * The text of a file as editors of all systems write them: UTF-8, and UTF-16 with its byte order mark, as PowerShell's `>`
 * does. The mark itself is no part of the text.
 */
export const decodeText = (bytes: Uint8Array): string | NoText => {
  try {
    const text = new TextDecoder(withMark(bytes), { fatal: true }).decode(bytes)
    // Every other byte of UTF-16 is 0 where people write English; no text file has one.
    return text.includes('\0') ? { problem: 'UTF-16 without a byte order mark, or no text at all: save it as UTF-8' } : text
  } catch {
    return { problem: 'neither UTF-8 nor UTF-16: save it as UTF-8' }
  }
}

/**
 * What a parser says of a text (yaml, JSON.parse) without the piece of it that it quotes, since that may be a secret: a password that begins
 * with an asterisk is an alias to YAML.
 */
export const withoutQuote = (message: string): string => message.replace(/:\s.*$|, (?:\.\.\.)?".*$/s, '')
