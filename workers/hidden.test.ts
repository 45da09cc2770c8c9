import { expect, test } from 'vitest'
import { createMasker, maskRules } from '../src/credentials/mask.ts'
import { Secret } from '../src/model/secret.ts'
import { createHidden } from './hidden.ts'

const scene = () => {
  const told: string[][] = []
  let warnings = 0
  const hidden = createHidden(
    (secrets) => told.push(secrets.map((secret) => secret.reveal())),
    () => warnings++,
  )
  return { hidden, told, warnings: () => warnings }
}
const revealed = (secrets: readonly Secret[]): string[] => secrets.map((secret) => secret.reveal())

test('the last two tokens, the secrets of the step and the values of Secrets are told as one', () => {
  const { hidden, told } = scene()
  for (const token of ['token-1', 'token-2', 'token-3']) hidden.token(new Secret(token))
  hidden.ofStep([new Secret('of the step')])
  hidden.values(['of an object', 'of an object'])
  expect(told.at(-1)).toEqual(['token-3', 'token-2', 'of the step', 'of an object'])
  expect([revealed(hidden.strict()), revealed(hidden.inTexts())]).toEqual([['token-3', 'token-2', 'of the step'], ['of an object']])
})

test('short values are left out, and nobody is told of what is known', () => {
  const { hidden, told } = scene()
  hidden.values(['admin', '5432', 'hunter2!'])
  hidden.values(['hunter2!', 'true'])
  expect(told).toEqual([['hunter2!']])
})

test('of a long value the beginning is hidden, and of too many as many as fit, which is said once', () => {
  const { hidden, warnings } = scene()
  hidden.values(['é'.repeat(5000)])
  expect(revealed(hidden.inTexts())[0]).toMatch(/^é{2047,2048}$/)
  hidden.values(Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(4000, 'x')))
  expect([hidden.inTexts().length, warnings()]).toEqual([7, 1])
  hidden.values(Array.from({ length: 300 }, (_, index) => `short-${index}`))
  expect(warnings()).toBe(1)
  const short = hidden.inTexts().length - 7
  expect([short > 200, short < 300]).toEqual([true, true])
})

test('as much as is hidden at most can be hidden', () => {
  const { hidden } = scene()
  hidden.values(Array.from({ length: 200 }, (_, index) => `'${index}"&<é ü%`))
  hidden.values(Array.from({ length: 20 }, (_, index) => `${index}'"&<é ü%`.padEnd(4000, 'x')))
  const masker = createMasker(maskRules(hidden.inTexts()))
  expect(Buffer.concat([masker.push(Buffer.from(`a 0'"&<é ü%${'x'.repeat(40)} b`)), masker.flush()]).toString()).toBe('a ******** b')
})
