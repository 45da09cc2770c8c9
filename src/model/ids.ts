import { randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** What an id may name; the prefix makes an id in a log or a URL say what it is. */
export type IdPrefix = 'dep' | 'job' | 'wrk' | 'req' | 'chk' | 'acc' | 'srv' | 'sub' | 'frz' | 'rot'

const encode = (value: bigint, length: number): string => {
  let rest = value
  let text = ''
  for (let index = 0; index < length; index++) {
    text = alphabet[Number(rest & 31n)] + text
    rest >>= 5n
  }
  return text
}

/**
 * A ULID with a type prefix, such as `dep_01JD…`: sortable by creation time, 80 random bits (github.com/ulid/spec).
 * @param at creation time in ms since the epoch
 */
export const newId = (prefix: IdPrefix, at: number = Date.now()): string =>
  `${prefix}_${encode(BigInt(at), 10)}${encode(BigInt(`0x${randomBytes(10).toString('hex')}`), 16)}`

/** Whether a text has the form of an id with this prefix. */
export const isId = (prefix: IdPrefix, text: string): boolean => new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`).test(text)
