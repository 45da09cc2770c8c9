import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuditSigner } from '../../../src/credentials/auditkey.ts'
import type { AuditRecord } from '../../../src/model/audit.ts'
import type { ChainReport } from '../../../src/model/auditchain.ts'
import { audited } from '../../../src/server/audited.ts'
import { type RouteName, routes } from '../../../src/server/routes.ts'
import { createSeen, startSealing } from '../../../src/server/sealing.ts'
import { shapes } from '../../../src/server/shapes.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { freshName, newTarget, type ServedApi, serveApi, startDeployment } from './api.ts'

let redis: OwnRedis
let served: ServedApi
const key = { kid: 'k1', key: createHash('sha256').update('of tests').digest() }
const ending = new AbortController()
const saw = createSeen()
const logged: object[] = []
let sealing: ReturnType<typeof startSealing>
beforeAll(async () => {
  redis = await startOwnRedis()
  served = await serveApi({ redisUrl: redis.url, key, seen: saw.latest })
  sealing = startSealing({
    audit: served.store.audit,
    signer: createAuditSigner(key),
    server: 'srv_1',
    saw,
    log: (line) => logged.push(line),
    signal: ending.signal,
  })
})
afterAll(async () => {
  ending.abort()
  await sealing.stopped
  await served.close()
  await redis.stop()
})

const headers = (): Record<string, string> => ({ authorization: `Bearer ${served.token}`, 'x-telpher-user': 'ann@laptop' })
const list = async (query = ''): Promise<{ records: AuditRecord[]; next?: string }> =>
  (await (await served.call('GET', `/v1/audit?${query}`)).json()) as { records: AuditRecord[]; next?: string }
const verify = async (query = ''): Promise<ChainReport> =>
  (await (await served.call('GET', `/v1/audit/verify?${query}`)).json()) as ChainReport

/** Routes that change nothing that anybody would ask for later: bytes under their own sum. */
const unaudited: readonly RouteName[] = ['putPackage']

test('every route that changes something is in the record', () => {
  const changing = Object.entries(routes).filter(([, { method }]) => method !== 'get')
  expect(changing.map(([name]) => name).filter((name) => audited[name as RouteName] === undefined)).toEqual(unaudited)
})

test('what people do to targets, secrets, freezes and pools is listed at once, with who, outcome and no value', async () => {
  const [target, secret, pool] = [freshName('target'), freshName('secret'), freshName('pool')]
  await served.call('POST', '/v1/targets', newTarget(target), headers())
  await served.call('POST', '/v1/targets', newTarget(target, { server: 'https://elsewhere.example' }), headers())
  await served.call('PUT', `/v1/secrets/${secret}`, { value: 'hunter2hunter2' }, headers())
  await served.call('DELETE', `/v1/secrets/${secret}`)
  const freeze = (await (await served.call('POST', '/v1/freezes', { target, reason: 'year end' })).json()) as { id: string }
  await served.call('DELETE', `/v1/freezes/${freeze.id}`)
  await served.call('POST', '/v1/pools', { name: pool })
  await served.call('PUT', '/v1/images/pins', { image: 'some:1', ids: [`sha256:${'a'.repeat(64)}`] })
  await served.call('DELETE', '/v1/targets/nobody')
  await served.call('POST', '/v1/freezes', { reason: '' })
  const { records } = await list('order=oldest')
  expect(
    records.map(({ type, who, ...rest }) => [
      type,
      'action' in rest && rest.action,
      'name' in rest && rest.name,
      who,
      'outcome' in rest && rest.outcome,
    ]),
  ).toEqual([
    ['target', 'add', target, 'api:ann@laptop', 'done'],
    ['target', 'add', '', 'api:ann@laptop', 'refused'],
    ['secret', 'set', secret, 'api:ann@laptop', 'done'],
    ['secret', 'remove', secret, 'api', 'done'],
    ['freeze', 'add', freeze.id, 'api', 'done'],
    ['freeze', 'lift', freeze.id, 'api', 'done'],
    ['pool', 'create', pool, 'api', 'done'],
    ['image', 'pin', 'some:1', 'api', 'done'],
  ])
  expect(records[0]).toMatchObject({ detail: { server: `https://${target}.example:6443`, 'account.mode': 'static-token' } })
  expect(records[1]).toMatchObject({ code: 'target_exists' })
  expect(records[4]).toMatchObject({ detail: { target, reason: 'year end' } })
  expect(JSON.stringify(records)).not.toMatch(/hunter2|secret-of-/)
  for (const record of records) expect(shapes.audit.safeParse({ records: [record] }).success).toBe(true)
})

test('a deployment remembers who asked for it, and so do its writes', async () => {
  const { id, jobIds } = await startDeployment(served, { headers: headers() })
  const other = await served.call('POST', `/v1/deployments/${id}/cancel`, undefined, headers())
  expect(other.status).toBe(202)
  const ref = { deploymentId: id, jobId: jobIds[0] ?? '' }
  await served.store.ledger(ref).append([
    {
      n: 1,
      at: 5,
      attempt: 1,
      verb: 'patch',
      group: '',
      version: 'v1',
      resource: 'configmaps',
      dryRun: false,
      code: 200,
      ms: 1,
      credentialId: 'j',
    },
  ])
  const { records } = await list(`deployment=${id}&order=oldest`)
  expect(records.map(({ type, who }) => [type, who])).toEqual([
    ['deployment', 'api:ann@laptop'],
    ['deployment', 'api:ann@laptop'],
    ['write', 'api:ann@laptop'],
  ])
})

test('pages follow one another, and filters hold over all of them', async () => {
  for (let n = 0; n < 7; n++) await served.call('PUT', `/v1/secrets/s${n}`, { value: `value-${n}-0000` })
  const names: string[] = []
  for (let cursor = ''; ; ) {
    const page = await list(`type=secret&verb=set&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
    names.push(...page.records.map((record) => (record.type === 'secret' ? record.name : '')))
    if (page.next === undefined) break
    cursor = page.next
  }
  expect(names.slice(0, 7)).toEqual(['s6', 's5', 's4', 's3', 's2', 's1', 's0'])
  for (const wrong of ['limit=0', 'cursor=x', 'since=-1', 'order=up'])
    expect((await served.call('GET', `/v1/audit?${wrong}`)).status, wrong).toBe(422)
})

test('a record that somebody takes out is found by verify, and an end that is cut off by who saw it', async () => {
  const whole = await verify()
  expect(whole).toMatchObject({ ok: true, problems: [] })
  expect(shapes.auditReport.safeParse(whole).error).toBeUndefined()
  const { records } = await list('limit=2')
  const [last, before] = records
  expect(await verify(`expect=${last?.n}:${last?.hash}`)).toMatchObject({ ok: true })
  expect(await verify(`expect=${last?.n}:${'A'.repeat(43)}`)).toMatchObject({ ok: false })
  expect(logged).toContainEqual(expect.objectContaining({ msg: 'the record of who did what ends here' }))
  await redis.ask('XDEL', 'tel:{audit}:chain', before?.id ?? '')
  expect(await verify()).toMatchObject({ ok: false, problems: [{ says: `records ${before?.n} to ${before?.n} are missing` }] })
})
