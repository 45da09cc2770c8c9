import { expect, test } from 'vitest'
import { checkAnswer, jsonOf, unreachable } from './answer.ts'

const url = 'http://server.example'
const problem = (status: number, body: object, type = 'application/problem+json'): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': type } })

test('a problem is the error that it names', async () => {
  const answer = problem(404, { name: 'unknown_target', detail: 'there is no target x', requestId: 'req_1' })
  await expect(checkAnswer(answer, url)).rejects.toMatchObject({ code: 'unknown_target', message: 'there is no target x' })
})

test('what else is wrong with a request is said too', async () => {
  const errors = [
    { pointer: '/steps/0/name', detail: 'use lower-case letters' },
    { pointer: '/targets', detail: 'name one' },
  ]
  const answer = problem(422, { name: 'invalid_input', detail: 'steps.0.name: use lower-case letters', errors })
  await expect(checkAnswer(answer, url)).rejects.toMatchObject({ message: 'steps.0.name: use lower-case letters; targets: name one' })
})

test('a mistake of the server comes with the id to report', async () => {
  const answer = problem(500, { name: 'internal', detail: 'something went wrong', requestId: 'req_7' })
  await expect(checkAnswer(answer, url)).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('req_7') })
})

test('a code of a newer server is taken by its class', async () => {
  await expect(checkAnswer(problem(409, { name: 'brand_new', detail: 'no' }), url)).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(checkAnswer(problem(503, { name: 'brand_new', detail: 'no' }), url)).rejects.toMatchObject({ code: 'internal' })
})

test.each([
  [new Response('<html>Sign in</html>', { status: 200, headers: { 'content-type': 'text/html' } }), '200 with text/html'],
  [new Response('<html>', { status: 502, headers: { 'content-type': 'text/html' } }), '502 with text/html'],
  [new Response(null, { status: 302, headers: { location: 'https://login.example' } }), '302'],
  [new Response('{"ok":', { status: 200, headers: { 'content-type': 'application/json' } }), '200'],
  [problem(404, { message: 'Not Found' }, 'application/json'), '404'],
])('what answers in place of a server is called so', async (answer, said) => {
  const asked = jsonOf(answer, url)
  await expect(asked).rejects.toMatchObject({ code: 'server_unreachable', message: expect.stringContaining(said) })
  await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('no Telpher server') })
})

test('a failed connection says why', () => {
  const failed = (code: string): Error => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
  expect(unreachable(failed('ECONNREFUSED'), url).message).toBe(`the server at ${url} cannot be reached: nothing listens there`)
  expect(unreachable(failed('ENOTFOUND'), url).message).toContain('name cannot be resolved')
  expect(unreachable(new DOMException('timed out', 'TimeoutError'), url).message).toContain('does not answer')
  expect(unreachable(failed('DEPTH_ZERO_SELF_SIGNED_CERT'), url).message).toContain('DEPTH_ZERO')
})
