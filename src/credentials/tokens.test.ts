import { expect, test } from 'vitest'
import { hideTokens } from './tokens.ts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const head = part({ alg: 'RS256', kid: 'k1' })
const token = `${head}.${part({ sub: 'system:serviceaccount:shop:web', jti: 'abc' })}.${Buffer.from('signature-bytes').toString('base64url')}`

test('a token that nobody knows is hidden by its form, up to its last byte', () => {
  expect(hideTokens(`token: ${token}, and more`)).toBe(`token: ${head}.********, and more`)
  expect(hideTokens(`{"a":"${token}","b":"${token}"}`)).toBe(`{"a":"${head}.********","b":"${head}.********"}`)
})

test('one that was cut off in its signature or before it is hidden, too', () => {
  expect(hideTokens(token.slice(0, -6))).toBe(`${head}.********`)
  expect(hideTokens(token.slice(0, head.length + 20))).toBe(`${head}.********`)
})

test.each(['registry.example.com/eyJ.tgz', 'see eyJhbGciOi.eyJ', 'keys.eyJ and so on', 'a sentence. eyJ'])('%s is none', (text) =>
  expect(hideTokens(text)).toBe(text),
)
