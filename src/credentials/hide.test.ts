import { expect, test } from 'vitest'
import { Secret } from '../model/secret.ts'
import { createHide } from './hide.ts'

const token = 'correct horse "battery" staple'
const hide = createHide(() => [new Secret(token), new Secret('staple gun'), new Secret('failed')])

test('a secret is hidden in every form, and those that overlap as one', () => {
  const forms = [token, Buffer.from(token).toString('base64'), encodeURIComponent(token), JSON.stringify(token).slice(1, -1)]
  for (const form of forms) expect(hide.text(`a ${form} b`).replace(/[=]*/g, '')).toBe('a ******** b')
  expect(hide.text(`${token} gun!`)).toBe('********!')
  expect(hide.text('nothing of it: grüße')).toBe('nothing of it: grüße')
})

test('texts in values are hidden, and words of closed lists stay', () => {
  const end = { status: 'failed', code: 'verify_failed', sentence: `helm failed: ${token}`, chain: [{ kind: 'Pod', message: token }], n: 1 }
  expect(hide.deep(end)).toEqual({
    status: 'failed',
    code: 'verify_failed',
    sentence: 'helm ********: ********',
    chain: [{ kind: 'Pod', message: '********' }],
    n: 1,
  })
})

test('errors are hidden with their stacks and causes', () => {
  const error = new Error(`outer ${token}`, { cause: new Error(`inner ${token}`) })
  expect(hide.error(error)).toBe(error)
  expect([error.message, (error.cause as Error).message]).toEqual(['outer ********', 'inner ********'])
  expect(`${error.stack}${(error.cause as Error).stack}`).not.toContain('correct horse')
})

test('what is secret is asked for anew each time', () => {
  const secrets = [new Secret('first-token')]
  const growing = createHide(() => secrets)
  expect(growing.text('second-token')).toBe('second-token')
  secrets.push(new Secret('second-token'))
  expect(growing.text('second-token')).toBe('********')
})

test('what is hidden in texts alone stays where it is the name of an object', () => {
  const both = createHide(
    () => [new Secret('a-token-of-ours')],
    () => [new Secret('shop-production')],
  )
  const entry = {
    name: 'shop-production',
    namespace: 'a-token-of-ours',
    message: 'shop-production: no',
    chain: [{ name: 'shop-production' }],
  }
  expect(both.deep(entry)).toEqual({
    name: 'shop-production',
    namespace: '********',
    message: '********: no',
    chain: [{ name: 'shop-production' }],
  })
  expect(both.text('shop-production')).toBe('********')
})
