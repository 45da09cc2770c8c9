import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditEntry, AuditRecord } from '../../../src/model/audit.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { type AuditQuery, openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { seededRandom } from '../../support/random.ts'
import { applyStep, sampleEntry, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { sampleSigner as signer } from '../../support/samplesigner.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

const secretSet = (name: string): AuditEntry => ({ type: 'secret', action: 'set', name, at: 1, who: 'api', outcome: 'done' })

const all = async (query: Partial<AuditQuery> = {}): Promise<AuditRecord[]> => {
  const records: AuditRecord[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await store.audit.list({ limit: 100, order: 'oldest', ...query, ...(cursor === undefined ? {} : { cursor }) })
    records.push(...page.records)
    cursor = page.next
    if (cursor === undefined) return records
  }
}
const namesOf = (records: readonly AuditRecord[]): string[] =>
  records.map((record) => (record.type === 'secret' ? record.name : record.type))

/** A deployment of one job. */
const created = async (at = Date.now()) => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('web')], ['t1']), [sampleTarget('t1')], at)
  await store.deployments.create({ ...deployment, by: 'api:ann' }, jobs)
  return { deployment, job: jobs[0]! }
}

test('entries of many writers get places in one chain, whoever of several servers gives them', async () => {
  const servers = ['srv_a', 'srv_b', 'srv_c']
  const stores = await Promise.all(servers.map(() => openStore({ url: redis.url })))
  const over = new AbortController()
  const sealing = stores.map(async ({ audit }, index) => {
    const random = seededRandom(index)
    while (!over.signal.aborted) {
      await audit.seal(servers[index]!, signer)
      // Any of them may be stopped at any time, and another one goes on.
      if (random() < 0.3) await audit.leave(servers[index]!)
    }
  })
  await Promise.all(
    stores.map(async ({ audit }, writer) => {
      for (let n = 0; n < 100; n++) await audit.append(secretSet(`w${writer}-${n}`), secretSet(`w${writer}-${n}-too`))
    }),
  )
  await eventually(() => store.audit.isSealed())
  over.abort()
  await Promise.all(sealing)
  await Promise.all(servers.map((server) => store.audit.leave(server)))
  const names = namesOf(await all())
  expect(names).toHaveLength(600)
  for (const writer of [0, 1, 2])
    expect(names.filter((name) => name.startsWith(`w${writer}-`))).toEqual(
      Array.from({ length: 100 }, (_, n) => [`w${writer}-${n}`, `w${writer}-${n}-too`]).flat(),
    )
  expect(await store.audit.verify(signer)).toMatchObject({ ok: true, records: 600, first: 1, last: 600, problems: [] })
  await Promise.all(stores.map(({ close }) => close()))
})

test('only the server whose turn it is gives places', async () => {
  expect(await store.audit.seal('srv_one', signer)).toBe(0)
  await store.audit.append(secretSet('turn'))
  expect(await store.audit.seal('srv_two', signer)).toBeUndefined()
  await store.audit.leave('srv_two')
  expect(await store.audit.seal('srv_two', signer)).toBeUndefined()
  expect(await store.audit.seal('srv_one', signer)).toBe(1)
  await store.audit.leave('srv_one')
  expect(await store.audit.seal('srv_two', signer)).toBe(0)
  await store.audit.leave('srv_two')
})

test('every write of a ledger comes into the record once, with who asked for it, and without what an API server said', async () => {
  const { deployment, job } = await created()
  const ledger = store.ledger(job)
  const entries = [1, 2, 3].map((n) => sampleEntry({ n, name: `o${n}`, message: 'quotes a value', auditId: `a${n}`, namespace: 'shop' }))
  await ledger.append(entries.slice(0, 2))
  await ledger.append(entries.slice(0, 2))
  await store.audit.seal('srv_one', signer)
  await ledger.append(entries)
  await store.audit.seal('srv_one', signer)
  const writes = await all({ matches: ({ deploymentId }) => deploymentId === deployment.id })
  expect(writes).toMatchObject(
    [1, 2, 3].map((n) => ({
      type: 'write',
      who: 'api:ann',
      target: 't1',
      step: 'web',
      jobId: job.jobId,
      attempt: 1,
      name: `o${n}`,
      auditId: `a${n}`,
      code: 200,
    })),
  )
  expect(JSON.stringify(writes)).not.toContain('quotes')
  expect(await store.audit.isSealed()).toBe(true)
  await store.audit.leave('srv_one')
})

test('a mark that was lost with its worker loses nothing: the end of the deployment marks it, and it is not removed before', async () => {
  const { deployment, job } = await created(1_700_000_000_000)
  await store.ledger(job).append([sampleEntry({ name: 'late' })])
  await redis.ask('DEL', 'tel:{audit}:due')
  await store.deployments.advance(deployment.id, 'pending', 'finished', { result: 'success', endedAt: 1 })
  await redis.ask('DEL', 'tel:{audit}:due')
  // Too old, and yet there.
  expect(await store.sweep.deployments()).toBe(0)
  await store.audit.seal('srv_one', signer)
  expect(await store.sweep.deployments()).toBe(1)
  expect(await all({ matches: ({ deploymentId }) => deploymentId === deployment.id })).toMatchObject([{ name: 'late' }])
  expect(await redis.ask('HEXISTS', 'tel:{audit}:cursors', deployment.id)).toEqual(['0'])
  await store.audit.leave('srv_one')
})

test('lists from either end, page by page, with filters', async () => {
  const records = await all()
  const newest = await store.audit.list({ limit: 5 })
  expect(newest.records.map(({ n }) => n)).toEqual(
    records
      .slice(-5)
      .map(({ n }) => n)
      .reverse(),
  )
  const second = await store.audit.list({ limit: 5, ...(newest.next === undefined ? {} : { cursor: newest.next }) })
  expect(second.records.map(({ n }) => n)).toEqual(
    records
      .slice(-10, -5)
      .map(({ n }) => n)
      .reverse(),
  )
  const some = await store.audit.list({
    limit: 3,
    order: 'oldest',
    matches: (record) => record.type === 'secret' && record.name.startsWith('w2-'),
  })
  expect(namesOf(some.records)).toEqual(['w2-0', 'w2-0-too', 'w2-1'])
  const last = await store.audit.list({ limit: 1000, order: 'oldest' })
  expect([last.records.length, last.next]).toEqual([records.length, undefined])
  expect((await store.audit.list({ limit: 10, recordedSince: Date.now() + 3_600_000 })).records).toEqual([])
})

test('a backup takes the record along, and where it is restored it goes on', async () => {
  const empty = await startOwnRedis()
  const other = await openStore({ url: empty.url })
  await other.audit.append(secretSet('before the restore'))
  await other.audit.seal('srv_one', signer)
  const lines: Uint8Array[] = []
  for await (const line of store.backup.read({ logs: false })) lines.push(Buffer.from(line))
  const { n: end = 0 } = (await store.audit.head()) ?? {}
  await other.backup.restore(Readable.from(lines), ['k1'])
  await other.audit.append(secretSet('after the restore'))
  await other.audit.leave('srv_one')
  await other.audit.seal('srv_one', signer)
  const [last] = (await other.audit.list({ limit: 1 })).records
  expect(last).toMatchObject({ name: 'after the restore', n: end + 1 })
  expect(await other.audit.verify(signer)).toMatchObject({ ok: true, records: end + 1 })
  await other.close()
  await empty.stop()
})

test('what is too much goes at a signed place, the rest is still a whole chain, and anything else that goes is found', async () => {
  for (let n = 0; n < 3000; n += 100) {
    await store.audit.append(...Array.from({ length: 100 }, (_, index) => secretSet(`t${n + index}`)))
    await store.audit.seal('srv_one', signer)
  }
  await store.audit.leave('srv_one')
  const small = await openStore({ url: redis.url, limits: { auditRecords: 1000 } })
  const { n: end = 0 } = (await store.audit.head()) ?? {}
  const removed = await small.audit.trim(signer)
  expect(removed).toBeGreaterThan(1000)
  expect(await small.audit.trim(signer)).toBe(0)
  await small.close()
  const report = await store.audit.verify(signer)
  expect(report).toMatchObject({ ok: true, last: end, records: end - removed, first: removed + 1 })
  expect(report.records).toBeGreaterThanOrEqual(1000)
  expect(report.records).toBeLessThan(2100)
  const [one] = (await store.audit.list({ limit: 1, order: 'oldest' })).records
  await redis.ask('XDEL', 'tel:{audit}:chain', one?.id ?? '')
  expect(await store.audit.verify(signer)).toMatchObject({
    ok: false,
    problems: [{ says: `records ${removed + 1} to ${removed + 1} are missing` }],
  })
})

test('an end that is not as it was left is told in the record for good', async () => {
  await store.audit.append(secretSet('before'))
  await store.audit.seal('srv_one', signer)
  const head = await store.audit.head()
  await redis.ask('HSET', 'tel:{audit}:marks', 'head', JSON.stringify({ ...head, hash: 'A'.repeat(43) }))
  await store.audit.append(secretSet('after'))
  await store.audit.seal('srv_one', signer)
  expect((await store.audit.list({ limit: 2 })).records).toMatchObject([
    { type: 'secret', name: 'after' },
    { type: 'audit', action: 'broken', name: `record ${head?.n}` },
  ])
  expect((await store.audit.verify(signer)).problems.map(({ n }) => n)).toContain((head?.n ?? 0) + 1)
  await store.audit.leave('srv_one')
})

test('what is too old goes too, and what is signed since stays', async () => {
  for (const name of ['one', 'two', 'three']) {
    await store.audit.append(secretSet(name))
    await store.audit.seal('srv_one', signer)
  }
  await store.audit.leave('srv_one')
  const short = await openStore({ url: redis.url, limits: { auditMs: 0 } })
  const before = await store.audit.list({ limit: 100 })
  expect(await short.audit.trim(signer)).toBeGreaterThan(0)
  await short.close()
  const after = await store.audit.list({ limit: 100 })
  expect(after.records.length).toBeLessThan(before.records.length)
})
