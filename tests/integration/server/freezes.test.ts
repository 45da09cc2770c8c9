import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Freeze } from '../../../src/model/freeze.ts'
import { freshName, newTarget, type ServedApi, serveApi } from './api.ts'

let served: ServedApi
const target = freshName('target')
beforeAll(async () => {
  served = await serveApi()
  await served.call('POST', '/v1/targets', newTarget(target))
})
afterAll(() => served.close())

const listed = async (id: string): Promise<Freeze | undefined> => {
  const answer = await served.call('GET', '/v1/freezes')
  return ((await answer.json()) as { freezes: Freeze[] }).freezes.find((freeze) => freeze.id === id)
}

test('a freeze is set, listed and lifted once', async () => {
  const answer = await served.call('POST', '/v1/freezes', { target, reason: 'trade fair', seconds: 3600 })
  expect(answer.status).toBe(201)
  const freeze = (await answer.json()) as Freeze
  expect(freeze).toMatchObject({ target, reason: 'trade fair', until: freeze.createdAt + 3_600_000 })
  expect(await listed(freeze.id)).toEqual(freeze)
  expect((await served.call('DELETE', `/v1/freezes/${freeze.id}`)).status).toBe(204)
  expect(await listed(freeze.id)).toBeUndefined()
  const again = await served.call('DELETE', `/v1/freezes/${freeze.id}`)
  expect([again.status, ((await again.json()) as { name: string }).name]).toEqual([404, 'unknown_freeze'])
})

test.each([
  [{ target: 'nobody-has-it', reason: 'x' }, 404, 'unknown_target'],
  [{ reason: 'x' }, 422, 'invalid_input'],
  [{ tags: 'env=prod and', reason: 'x' }, 422, 'invalid_input'],
  [{ tags: 'env=prod', reason: '' }, 422, 'invalid_input'],
])('%j is refused', async (body, status, name) => {
  const answer = await served.call('POST', '/v1/freezes', body)
  expect([answer.status, ((await answer.json()) as { name: string }).name]).toEqual([status, name])
})
