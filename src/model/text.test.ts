import { expect, test } from 'vitest'
import { decodeText } from './text.ts'

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')

test.for([
  ['UTF-8', Buffer.from('ä: 1\r\n')],
  ['UTF-8 with a byte order mark', Buffer.from('\uFEFFä: 1\r\n')],
  ['UTF-16', utf16('\uFEFFä: 1\r\n')],
  ['UTF-16 the other way', utf16('\uFEFFä: 1\r\n').swap16()],
] as const)('%s is read without its mark', ([, bytes]) => {
  expect(decodeText(bytes)).toBe('ä: 1\r\n')
})

test.for([
  ['UTF-16 without a mark', utf16('a: 1\n'), 'without a byte order mark'],
  ['Latin-1', Buffer.from([0x61, 0xe4, 0x62]), 'neither UTF-8 nor UTF-16'],
  ['half a character of UTF-16', Buffer.from([0xff, 0xfe, 0x61]), 'neither UTF-8 nor UTF-16'],
] as const)('%s is said to be so', ([, bytes, problem]) => {
  expect(decodeText(bytes)).toEqual({ problem: expect.stringContaining(problem) })
})
