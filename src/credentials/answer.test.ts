import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { GrantAnswer } from '../model/grantrequest.ts'
import { makeAnswerKey, openAnswer, sealAnswer } from './answer.ts'

const server = generateKeyPairSync('ed25519')
const trusted = [server.publicKey]
const answer: GrantAnswer = { is: 'credential', credential: { id: 'c', kind: 'bearer', token: 'the-token' }, renewable: true }
const [mine, theirs] = [makeAnswerKey(), makeAnswerKey()]
const seal = (request = 'my request', to = mine) => {
  const sealed = sealAnswer(answer, request, to.sealTo, server.privateKey)
  if (sealed === undefined) throw new Error('not sealed')
  return sealed
}

test('an answer opens for the worker and the request that it is for, and shows nothing on its way', () => {
  const sealed = seal()
  expect(openAnswer(sealed, 'my request', mine, trusted)).toEqual(answer)
  expect(Buffer.from(sealed.body, 'base64').toString('latin1')).not.toContain('the-token')
  expect(seal().body).not.toBe(sealed.body)
})

test.each<readonly [string, () => unknown]>([
  ['by another worker', () => openAnswer(seal(), 'my request', theirs, trusted)],
  ['for another request', () => openAnswer(seal('another request'), 'my request', mine, trusted)],
  ['from somebody else', () => openAnswer(seal(), 'my request', mine, [generateKeyPairSync('ed25519').publicKey])],
  ['with the signature of another', () => openAnswer({ ...seal(), signature: seal().signature }, 'my request', mine, trusted)],
  ['without one', () => openAnswer({ ...seal(), signature: '' }, 'my request', mine, trusted)],
])('it is not opened %s', (_, open) => {
  expect(open).toThrow(expect.objectContaining({ code: 'answer_refused' }))
})

test('what is no key is not sealed to', () => {
  expect(sealAnswer(answer, 'r', Buffer.alloc(32).toString('base64'), server.privateKey)).toBeUndefined()
})
