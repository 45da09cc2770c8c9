import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { mustBeKubernetes, readAnswer } from './answer.ts'

const look = (status: number, type: string, body: unknown) => () =>
  mustBeKubernetes('https://[::1]:6443/base', { status, headers: type === '' ? {} : { 'content-type': type } }, body)

test.for([
  ['a version', 200, 'application/json', { major: '1', gitVersion: 'v1.34.4' }],
  ['a Status', 403, 'application/json', { kind: 'Status', apiVersion: 'v1' }],
  ['a refusal in plain text', 401, 'text/plain', 'Unauthorized'],
  ['an overload without a word', 429, '', ''],
] as const)('%s is taken for an API server', ([, status, type, body]) => {
  expect(look(status, type, body)).not.toThrow()
})

test.for([
  ['a login page', 200, 'text/html; charset=utf-8', '<html><title>\n Hotel  WiFi </title>', 'a web page (status 200, "Hotel WiFi")'],
  ['a page without a title', 503, 'text/html', '<h1>busy</h1>', 'a web page (status 503)'],
  ['a page that hides its type', 200, '', '<!doctype html><title>Login</title>', '"Login"'],
  ['a redirect', 302, '', '', 'sends elsewhere (status 302)'],
  ['JSON of something else', 200, 'application/json', { hello: 1 }, 'application/json that no Kubernetes sends'],
  ['an empty answer', 200, '', '', 'something that no Kubernetes sends'],
] as const)('%s is told from one', ([, status, type, body, said]) => {
  expect(look(status, type, body)).toThrow(
    expect.objectContaining({ code: 'target_not_kubernetes', message: expect.stringContaining(said) }),
  )
  expect(look(status, type, body)).toThrow('what answers at [::1]:6443 is no Kubernetes API')
})

test('an answer is read as JSON or text, and not further than it takes to know', async () => {
  expect(await readAnswer(Readable.from([Buffer.from('{"a":'), Buffer.from('1}')]))).toEqual({ a: 1 })
  expect(await readAnswer(Readable.from([Buffer.from('<html>')]))).toBe('<html>')
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(4096, 'x')
    })(),
  )
  expect(String(await readAnswer(endless)).length).toBeLessThan(100_000)
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('{')
      throw new Error('cut')
    })(),
  )
  expect(await readAnswer(broken)).toBeUndefined()
})
