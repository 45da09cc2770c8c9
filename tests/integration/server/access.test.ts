import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shapes } from '../../../src/server/shapes.ts'
import { freshName, type ServedApi, serveApi, somePackage } from './api.ts'

let served: ServedApi
beforeAll(async () => {
  served = await serveApi()
})
afterAll(() => served.close())

const problemOf = async (
  response: Response,
): Promise<{ status: number; name: string; code: string; hint: string; requestId: string; detail: string }> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem: unknown = await response.json()
  expect(shapes.problem.safeParse(problem).error).toBeUndefined()
  expect((problem as { status: number }).status).toBe(response.status)
  return problem as never
}

describe('the token', () => {
  test.each([
    ['none', {}],
    ['another', { authorization: `Bearer tel_${'x'.repeat(43)}` }],
    ['a longer one', { authorization: `Bearer ${'x'.repeat(400)}` }],
    ['another scheme', { authorization: 'Basic dGVscGhlcjp0ZWxwaGVy' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('refuses %s on every path but health', async (_, headers) => {
    for (const path of ['/v1/targets', '/v1/deployments', '/openapi.json', '/nowhere', '/v1/workers', '//livez', '/livez/']) {
      const response = await served.call('GET', path, undefined, headers as Record<string, string>)
      expect(response.status, path).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('Bearer')
      expect((await problemOf(response)).name).toBe('unauthorized')
    }
  })

  test('is not asked for by health', async () => {
    expect((await served.call('GET', '/livez', undefined, {})).status).toBe(200)
    expect((await served.call('GET', '/readyz', undefined, {})).status).toBe(200)
  })
})

describe('errors', () => {
  test('are problems with a code, a next step and the id of the request', async () => {
    const response = await served.call('GET', '/v1/nowhere')
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ status: 404, name: 'unknown_route', code: 'TEL-1014', hint: expect.stringContaining('openapi') })
    expect(problem.requestId).toBe(response.headers.get('x-request-id'))
    expect(problem.requestId).toMatch(/^req_/)
  })

  test("keep a client's own request id, when it is one", async () => {
    const authorization = `Bearer ${served.token}`
    const kept = await served.call('GET', '/v1/nowhere', undefined, { authorization, 'x-request-id': 'build-17.a' })
    expect((await problemOf(kept)).requestId).toBe('build-17.a')
    const replaced = await served.call('GET', '/v1/nowhere', undefined, { authorization, 'x-request-id': '<b>"' })
    expect((await problemOf(replaced)).requestId).toMatch(/^req_/)
  })

  test.each([
    ['GET', '/v1/targets/no-such-target', 'unknown_target'],
    ['DELETE', '/v1/targets/no-such-target', 'unknown_target'],
    ['POST', '/v1/targets/no-such-target/checks', 'unknown_target'],
    ['GET', '/v1/deployments/dep_00000000000000000000000000', 'unknown_deployment'],
    ['GET', '/v1/deployments/nonsense', 'unknown_deployment'],
    ['GET', '/v1/deployments/%7Ba%7D%2F..', 'unknown_deployment'],
    ['POST', '/v1/deployments/nonsense/cancel', 'unknown_deployment'],
    ['GET', '/v1/deployments/dep_00000000000000000000000000/events', 'unknown_deployment'],
    ['GET', '/v1/deployments/dep_00000000000000000000000000/jobs/job_00000000000000000000000000/log', 'unknown_deployment'],
    ['GET', '/v1/deployments/dep_00000000000000000000000000/jobs/x/ledger', 'unknown_deployment'],
    ['PUT', '/v1/targets', 'unknown_route'],
    ['GET', '/', 'unknown_route'],
    ['GET', '/v1/%E0%A4%A', 'unknown_route'],
  ])('%s %s is 404 %s, also as a stream', async (method, path, name) => {
    const response = await served.call(method, path, undefined, { authorization: `Bearer ${served.token}`, accept: 'text/event-stream' })
    expect(response.status).toBe(404)
    expect((await problemOf(response)).name).toBe(name)
  })

  test('name each wrong part of a body by its pointer', async () => {
    const response = await served.call('POST', '/v1/deployments', {
      steps: [{ kind: 'apply', name: 'Not A Name', package: 'abc' }],
      targets: ['local'],
    })
    const problem = (await problemOf(response)) as unknown as { status: number; errors: { pointer: string }[] }
    expect(problem.status).toBe(422)
    expect(problem.errors.map(({ pointer }) => pointer)).toEqual(['/steps/0/name', '/steps/0/package'])
  })

  test('refuse what is not JSON without quoting it', async () => {
    const authorization = `Bearer ${served.token}`
    const response = await fetch(`${served.url}/v1/targets`, { method: 'POST', headers: { authorization }, body: '{"credential": hunter2' })
    const text = await response.text()
    expect([response.status, text.includes('hunter2')]).toEqual([422, false])
    expect(JSON.parse(text)).toMatchObject({ name: 'invalid_input', detail: 'body: not JSON' })
  })

  test('refuse a body that is too long, whether it says so or not', async () => {
    const long = JSON.stringify({ name: 'x'.repeat(5 * 1024 * 1024) })
    const authorization = `Bearer ${served.token}`
    const told = await fetch(`${served.url}/v1/targets`, { method: 'POST', headers: { authorization }, body: long })
    expect((await problemOf(told)).detail).toContain('4 MiB')
    const body = new Blob([long]).stream()
    const streamed = await fetch(`${served.url}/v1/targets`, {
      method: 'POST',
      headers: { authorization },
      body,
      duplex: 'half',
    } as RequestInit)
    expect((await problemOf(streamed)).detail).toContain('4 MiB')
  })
})

describe('packages', () => {
  test('are stored under their sum, once, and found by HEAD and GET', async () => {
    const bytes = somePackage()
    const first = await served.call('POST', '/v1/packages', bytes)
    expect(first.status).toBe(201)
    const { sha256, size } = (await first.json()) as { sha256: string; size: number }
    expect([size, first.headers.get('location')]).toEqual([bytes.length, `/v1/packages/${sha256}`])
    expect(await (await served.call('POST', '/v1/packages', bytes)).json()).toMatchObject({ sha256 })
    expect((await served.call('HEAD', `/v1/packages/${sha256}`)).status).toBe(200)
    expect((await served.call('GET', `/v1/packages/${sha256}`)).status).toBe(200)
  })

  test('that are missing, empty, too large or no tarball are refused', async () => {
    expect((await served.call('HEAD', `/v1/packages/${'0'.repeat(64)}`)).status).toBe(422)
    expect((await problemOf(await served.call('GET', `/v1/packages/${'0'.repeat(64)}`))).name).toBe('package_missing')
    expect((await problemOf(await served.call('GET', '/v1/packages/abc'))).name).toBe('invalid_input')
    expect((await problemOf(await served.call('POST', '/v1/packages', Buffer.alloc(0)))).name).toBe('empty_package')
    expect((await problemOf(await served.call('POST', '/v1/packages', Buffer.from('kind: Pod')))).name).toBe('package_refused')
    const large = await served.call('POST', '/v1/packages', Buffer.alloc(64 * 1024 * 1024 + 1))
    expect([large.status, (await problemOf(large)).name]).toEqual([413, 'package_too_large'])
  })
})

describe('workers', () => {
  test('are listed as last heard', async () => {
    const id = freshName('wrk')
    await served.store.workers.beat({
      id,
      name: 'w1',
      pool: 'default',
      version: '0.0.0',
      state: 'available',
      concurrency: 4,
      startedAt: Date.now(),
      attempts: [],
    })
    const answer = (await (await served.call('GET', '/v1/workers')).json()) as { workers: { id: string; seenAt: number }[]; now: number }
    expect(shapes.workers.safeParse(answer).error).toBeUndefined()
    const seen = answer.workers.find((worker) => worker.id === id)
    expect(answer.now - (seen?.seenAt ?? 0)).toBeLessThan(60_000)
    await served.store.workers.remove(id)
  })
})

test('nothing is logged of requests that users got wrong', () => {
  expect(served.logged).toEqual([])
})
