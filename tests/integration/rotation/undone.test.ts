import { expect, test } from 'vitest'
import { createAuditSigner } from '../../../src/credentials/auditkey.ts'
import { claimsOf } from '../../../src/credentials/jwt.ts'
import { accountState } from '../../../src/model/account.ts'
import type { ErrorCode } from '../../../src/model/errors.ts'
import type { Target } from '../../../src/model/target.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { createRefusals } from '../../../src/server/refusals.ts'
import { createSeen, startSealing } from '../../../src/server/sealing.ts'
import { eventually } from '../../support/eventually.ts'
import { journalOf, ownSecretsIn, rotating, statusOf, usedToken } from '../../support/rotating.ts'
import { rotationScene } from '../../support/rotation-scene.ts'
import { applyStep, sampleRequest } from '../../support/samples.ts'

const scene = rotationScene()

/** A job that began now and came to this end at once. */
const ended = async (target: Target, code: ErrorCode): Promise<void> => {
  const { jobs: all, deployments } = scene.store
  const { deployment, jobs } = expand(sampleRequest([applyStep('web')], [target.name]), [target], Date.now())
  await deployments.create(deployment, jobs)
  for (const job of jobs) {
    await all.apply(job, { type: 'admit' })
    await all.apply(job, { type: 'start', worker: 'wrk_1' })
    await all.apply(job, { type: 'finish', attempt: 1, end: { status: 'errored', code, sentence: 'it ended' } })
  }
}

/** The loop, which looks at attempts as a server does, and writes into the record. */
const watching = (name: string) => {
  const { store, key } = scene
  let [later, found] = [0, 0]
  // Each look is a new one: a server keeps one for five seconds.
  const refused = createRefusals(store, () => Date.now() + 10_000 * later++)
  const loop = rotating(store, key, {
    only: [name],
    times: { drainMs: 600_000, dueDrainMs: 600_000 },
    refused: async (...asked) => {
      const seen = await refused(...asked)
      if (seen !== undefined) found++
      return seen
    },
    record: (entry) => store.audit.append(entry),
  })
  /** How often it has seen that attempts were refused. */
  return { ...loop, found: () => found }
}

/** Asks for a rotation, and waits until the new version is used. */
const switched = async (name: string): Promise<void> => {
  await scene.store.rotations.ask(name, { id: 'rot_1', kind: 'rotate' })
  await eventually(async () => (await journalOf(scene.store, name))?.state === 'draining')
}

test.concurrent('when attempts begin to be refused with the new version, the one before is used again; each step is in the record', async () => {
  const { cluster, store, key } = scene
  const { name, home, target } = await scene.begin()
  const old = await usedToken(store, name, key)
  await ended(target, 'verify_failed')
  const loop = watching(name)
  await switched(name)
  const bad = await usedToken(store, name, key)
  for (const code of ['target_unauthorized', 'verify_failed', 'mint_refused'] as const) await ended(target, code)
  expect((await journalOf(store, name))?.state).toBe('draining')
  await ended(target, 'target_unauthorized')

  await eventually(async () => (await usedToken(store, name, key)) === old)
  const sentence = 'the API server refused 3 of 4 attempts with version 2; version 1 is used again'
  const journal = await eventually(async () => {
    const now = await journalOf(store, name)
    return now?.unconfirmed.length === 0 ? now : undefined
  })
  expect(journal).toMatchObject({
    state: 'stable',
    version: 1,
    answer: { id: 'rot_1', ok: false, code: 'rotation_undone', sentence },
    trouble: { code: 'rotation_undone', sentence, tries: 1 },
  })
  expect([await statusOf(cluster, old), await statusOf(cluster, bad)]).toEqual([200, 401])
  expect(await ownSecretsIn(cluster, { target: name, home })).toEqual([`bootstrap-${name}`])
  const { alarms } = accountState(await store.targets.get(name), journal, Date.now())
  expect(alarms).toEqual([{ level: 'alarm', sentence: expect.stringContaining(sentence), fix: `telpher account rotate ${name}` }])
  await loop.stop()

  const ending = new AbortController()
  const sealing = startSealing({
    audit: store.audit,
    signer: createAuditSigner(key),
    server: 'srv_1',
    saw: createSeen(),
    log: () => {},
    signal: ending.signal,
  })
  await eventually(() => store.audit.isSealed())
  ending.abort()
  await sealing.stopped
  const { records } = await store.audit.list({ limit: 1000, matches: (record) => record.type === 'rotation' && record.target === name })
  const told = [...records].reverse().map((record) => (record.type === 'rotation' ? [record.action, record.code, record.detail] : []))
  const rotation = 'rot_1'
  const [first, second] = [claimsOf(old).id, claimsOf(bad).id]
  expect(told).toEqual([
    ['begin', undefined, { state: 'intent', version: 1, next: 2, rotation, source: 'minted', reason: 'asked for' }],
    ['mint', undefined, { state: 'minted', version: 1, next: 2, rotation }],
    ['seal', undefined, { state: 'sealed', version: 1, next: 2, rotation, credential: second }],
    ['verify', undefined, { state: 'verified', version: 1, next: 2, rotation, credential: second }],
    ['switch', undefined, { state: 'draining', version: 2, previous: 1, rotation, credential: second }],
    ['roll-back', 'rotation_undone', { state: 'stable', version: 1, credential: second, reason: 'attempts were refused' }],
    ['confirm', undefined, { state: 'stable', version: 1, credential: second, dead: 2 }],
  ])
  expect(first).toBeDefined()
  const text = JSON.stringify(records)
  for (const token of [old, bad]) for (const part of token.split('.')) expect(text).not.toContain(part)
})

test.concurrent('an old version that is dead is never gone back to, whatever attempts say', async () => {
  const { cluster, store, key } = scene
  const { name, home, target } = await scene.begin()
  const old = await usedToken(store, name, key)
  const loop = watching(name)
  await switched(name)
  const used = await usedToken(store, name, key)
  await cluster.kubectl('delete', 'secret', `bootstrap-${name}`, '-n', home)
  await eventually(async () => (await statusOf(cluster, old)) === 401)
  for (let count = 0; count < 4; count++) await ended(target, 'target_unauthorized')
  // It sees that they were refused, more than once, asks the old one, and stays.
  await eventually(async () => loop.found() >= 2)
  expect((await journalOf(store, name))?.state).toBe('draining')
  expect(await usedToken(store, name, key)).toBe(used)
  await loop.stop()
})
