import fc from 'fast-check'
import { expect, test } from 'vitest'
import { claimsOf } from './jwt.ts'

const jwt = (claims: unknown): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`

test('gives id and times in ms', () => {
  expect(claimsOf(jwt({ jti: 'abc', iat: 1, exp: 601 }))).toEqual({ id: 'abc', issuedAt: 1000, expiresAt: 601_000 })
})

test.each([
  ['no claims', jwt([])],
  ['null', jwt(null)],
  ['a text', jwt('x')],
  ['no JWT', 'opaque'],
  ['claims of other kinds', jwt({ jti: 7, iat: '1', exp: null })],
  ['an empty id', jwt({ jti: '' })],
  ['a time beyond all dates', jwt({ exp: 1e300 })],
])('%s gives nothing', (_, token) => expect(claimsOf(token)).toEqual({}))

test('never throws, whatever the token', () => {
  fc.assert(
    fc.property(fc.string(), fc.json(), (text, json) => void [claimsOf(text), claimsOf(`a.${Buffer.from(json).toString('base64url')}.b`)]),
  )
})
