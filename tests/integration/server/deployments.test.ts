import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shapes } from '../../../src/server/shapes.ts'
import { freshName, newTarget, type ServedApi, serveApi, somePackage, startDeployment } from './api.ts'

interface Run {
  readonly deployment: { readonly id: string; readonly targets: string[]; readonly state: string }
  readonly jobs: readonly {
    readonly jobId: string
    readonly status: string
    readonly target: string
    readonly step: { readonly name: string }
  }[]
}

let served: ServedApi
let sha256: string
let target: string
const tag = freshName('tag')
beforeAll(async () => {
  served = await serveApi()
  target = freshName('target')
  await served.call('POST', '/v1/targets', newTarget(target, { tags: [tag], pool: 'here' }))
  sha256 = ((await (await served.call('POST', '/v1/packages', somePackage())).json()) as { sha256: string }).sha256
})
afterAll(() => served.close())

const step = (name = 'web'): object => ({ kind: 'apply', name, package: sha256 })
const deploy = (body: object, headers: Record<string, string> = {}): Promise<Response> =>
  served.call('POST', '/v1/deployments', body, { authorization: `Bearer ${served.token}`, ...headers })

test('a deployment is stored as one job for each step and target, and found again', async () => {
  const answer = await deploy({ steps: [step('web'), step('smoke')], targets: [target], tag })
  expect(answer.status).toBe(202)
  const run = (await answer.json()) as Run
  expect(shapes.run.safeParse(run).error).toBeUndefined()
  const { id } = run.deployment
  expect(answer.headers.get('location')).toBe(`/v1/deployments/${id}`)
  expect(run.deployment).toMatchObject({ state: 'pending', targets: [target] })
  expect(run.jobs.map((job) => [job.step.name, job.target, job.status])).toEqual([
    ['web', target, 'pending'],
    ['smoke', target, 'pending'],
  ])
  expect(await (await served.call('GET', `/v1/deployments/${id}`)).json()).toEqual(run)
  expect(await served.store.deployments.active()).toContain(id)
})

test.each([
  ['a target that is not there', () => ({ steps: [step()], targets: [freshName('nobody')] }), 404, 'unknown_target'],
  ['a tag that no target has', () => ({ steps: [step()], tag: freshName('notag') }), 404, 'unknown_target'],
  ['a tag expression that cannot be read', () => ({ steps: [step()], tag: 'a and' }), 422, 'invalid_input'],
  ['no target at a time', () => ({ steps: [step()], tag, rollout: { maxParallel: 0 } }), 422, 'invalid_input'],
  ['a canary that is no target of it', () => ({ steps: [step()], tag, rollout: { canary: ['stranger'] } }), 404, 'unknown_target'],
  ['neither target nor tag', () => ({ steps: [step()] }), 422, 'invalid_input'],
  [
    'a package that was not uploaded',
    () => ({ steps: [{ ...step(), package: '0'.repeat(64) }], targets: [target] }),
    422,
    'package_missing',
  ],
  ['two steps of one name', () => ({ steps: [step(), step()], targets: [target] }), 422, 'invalid_input'],
  ['no step', () => ({ steps: [], targets: [target] }), 422, 'invalid_input'],
  ['a step of an unknown kind', () => ({ steps: [{ ...step(), kind: 'terraform' }], targets: [target] }), 422, 'invalid_input'],
])('%s is refused', async (_, body, status, name) => {
  const answer = await deploy(body())
  expect([answer.status, ((await answer.json()) as { name: string }).name]).toEqual([status, name])
})

test('an expression of tags means the targets for which it holds', async () => {
  const other = freshName('target')
  const legacy = freshName('legacy')
  await served.call('POST', '/v1/targets', newTarget(other, { tags: [tag, legacy], pool: 'here' }))
  const answer = await deploy({ steps: [step()], tag: `${tag} and not ${legacy}`, rollout: { maxParallel: 1 } })
  const run = (await answer.json()) as Run
  expect([answer.status, run.deployment.targets]).toEqual([202, [target]])
  await served.call('DELETE', `/v1/targets/${other}`)
})

describe('an Idempotency-Key', () => {
  test('starts one deployment, however often it is sent', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { steps: [step()], targets: [target] }
    const first = (await (await deploy(body, headers)).json()) as Run
    const again = await deploy(body, headers)
    expect([again.status, again.headers.get('location')]).toEqual([202, `/v1/deployments/${first.deployment.id}`])
    expect(await again.json()).toEqual(first)
  })

  test('starts one deployment when it is sent many times at once', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { steps: [step()], targets: [target] }
    const answers = await Promise.all(Array.from({ length: 8 }, () => deploy(body, headers)))
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as (Run & { name?: string })[]
    const ids = new Set(answers.flatMap((answer, at) => (answer.status === 202 ? [bodies[at]?.deployment.id] : [])))
    expect(ids.size).toBe(1)
    const refused = answers.flatMap((answer, at) => (answer.status === 202 ? [] : [[answer.status, bodies[at]?.name]]))
    expect(refused).toEqual(refused.map(() => [409, 'idempotency_in_flight']))
  })

  test('is refused for another request, and free again after one that failed', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const failed = await deploy({ steps: [step()], targets: [freshName('nobody')] }, headers)
    expect(failed.status).toBe(404)
    expect((await deploy({ steps: [step()], targets: [target] }, headers)).status).toBe(202)
    const other = await deploy({ steps: [step('other')], targets: [target] }, headers)
    expect([other.status, ((await other.json()) as { name: string }).name]).toEqual([422, 'idempotency_mismatch'])
  })

  test('that is too long is refused', async () => {
    expect((await deploy({ steps: [step()], targets: [target] }, { 'idempotency-key': 'x'.repeat(256) })).status).toBe(422)
  })
})

test('deployments are listed newest first, page by page, each once', async () => {
  const ids: string[] = []
  for (let at = 0; at < 5; at++) ids.push((await startDeployment(served)).id)
  const seen: string[] = []
  let cursor = ''
  do {
    const page = (await (await served.call('GET', `/v1/deployments?limit=2${cursor}`)).json()) as {
      deployments: { id: string }[]
      next?: string
    }
    expect(shapes.deployments.safeParse(page).error).toBeUndefined()
    seen.push(...page.deployments.map(({ id }) => id))
    cursor = page.next === undefined ? '' : `&cursor=${page.next}`
  } while (cursor !== '' && !ids.every((id) => seen.includes(id)))
  expect(seen.filter((id) => ids.includes(id))).toEqual(ids.toReversed())
  expect(new Set(seen).size).toBe(seen.length)
})

test.each(['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'cursor=%2B'])('a list with %s is refused', async (query) => {
  expect((await served.call('GET', `/v1/deployments?${query}`)).status).toBe(422)
})

describe('cancel', () => {
  test('ends what has not started, asks what runs, and leaves what has ended', async () => {
    const { id, jobIds } = await startDeployment(served, { targets: 3 })
    const [waits, runs, ended] = jobIds.map((jobId) => ({ deploymentId: id, jobId }))
    if (waits === undefined || runs === undefined || ended === undefined) throw new Error('three jobs were asked for')
    // What scheduler and worker would do.
    for (const ref of [runs, ended]) {
      await served.store.jobs.apply(ref, { type: 'admit' })
      await served.store.jobs.apply(ref, { type: 'start', worker: 'w1' })
    }
    await served.store.jobs.apply(ended, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: 'done' } })
    const answer = await served.call('POST', `/v1/deployments/${id}/cancel`)
    expect(answer.status).toBe(202)
    const { jobs } = (await answer.json()) as { jobs: { jobId: string; status: string; cancelRequested: boolean }[] }
    const found = new Map(jobs.map((job) => [job.jobId, [job.status, job.cancelRequested]]))
    expect([waits, runs, ended].map(({ jobId }) => found.get(jobId))).toEqual([
      ['cancelled', true],
      ['preparing', true],
      ['succeeded', false],
    ])
    expect((await served.call('POST', `/v1/deployments/${id}/cancel`)).status).toBe(202)
    expect(await served.store.claims.renew(runs, 1, 'w1')).toEqual({ held: true, cancelRequested: true, cancelForced: false })
    // The second level reaches what heard the first one.
    expect((await served.call('POST', `/v1/deployments/${id}/cancel?force=true`)).status).toBe(202)
    expect(await served.store.claims.renew(runs, 1, 'w1')).toEqual({ held: true, cancelRequested: true, cancelForced: true })
    expect((await served.call('POST', `/v1/deployments/${id}/cancel?force=perhaps`)).status).toBe(422)
  })
})

test('the ledger of a job says what it wrote', async () => {
  const { id, jobIds } = await startDeployment(served)
  const ref = { deploymentId: id, jobId: jobIds[0] ?? '' }
  const entry = {
    n: 1,
    at: 1,
    attempt: 1,
    verb: 'patch',
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    namespace: 'shop',
    name: 'web',
    dryRun: false,
    code: 200,
    ms: 3,
    credentialId: 'abc',
  } as const
  await served.store.ledger(ref).append([entry])
  const answer = (await (await served.call('GET', `/v1/deployments/${id}/jobs/${ref.jobId}/ledger`)).json()) as { entries: unknown[] }
  expect(shapes.ledger.safeParse(answer).error).toBeUndefined()
  expect(answer.entries).toEqual([entry])
})
