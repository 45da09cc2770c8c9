import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MasterKey, makeKeyFile } from '../../../src/credentials/keyfile.ts'
import { seal, unseal } from '../../../src/credentials/seal.ts'
import { judgeOlderKeys } from '../../../src/doctor/files.ts'
import type { SealedCounts, SealedRecord } from '../../../src/model/credential.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { lookAtOlderKeys, withoutDropped } from '../../../src/server/keyring.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { sampleSigner } from '../../support/samplesigner.ts'
import { strayRecords } from '../../support/sealed.ts'
import { createTestCli } from '../cli/cli.ts'
import { newTarget, type ServedApi, serveApi } from './api.ts'

let redis: OwnRedis
let folder: string
let keys: MasterKey[]
const rotatingChild = fileURLToPath(new URL('rotating-child.ts', import.meta.url))
beforeAll(async () => {
  redis = await startOwnRedis()
  folder = await mkdtemp(join(tmpdir(), 'telpher-keys-'))
  keys = await Promise.all(['one.key', 'two.key'].map((name) => makeKeyFile(join(folder, name))))
})
afterAll(() => redis.stop())

test('accounts are sealed anew under another key while they are used, and the old one is let go', async () => {
  const [one, two] = keys as [MasterKey, MasterKey]
  const first = await serveApi({ redisUrl: redis.url, key: one })
  const names = Array.from({ length: 30 }, (_, n) => `target-${n}`)
  for (const name of names) expect((await first.call('POST', '/v1/targets', newTarget(name))).status).toBe(201)
  await first.close()

  const second = await serveApi({ redisUrl: redis.url, key: { ...two, older: [one] } })
  const cli = await createTestCli(second)
  const before = await cli.run(['keys', 'list'])
  expect(before.stdout).toMatch(new RegExp(`${two.kid} +seals and opens +0 +0 +0 +0 +0\\n${one.kid} +opens +30 +0 +0 +0 +0`))
  expect(before.stderr).toContain('telpher keys rotate')
  // Two at once do each account once.
  const [a, b] = await Promise.all([cli.run(['keys', 'rotate', '-o', 'json']), cli.run(['keys', 'rotate', '-o', 'json'])])
  const resealed = [a, b].map(({ stdout }) => (JSON.parse(stdout) as { resealed: number }).resealed)
  expect((resealed[0] ?? 0) + (resealed[1] ?? 0)).toBe(30)
  const after = await cli.run(['keys', 'list'])
  expect(after.stdout).toMatch(new RegExp(`${two.kid} +seals and opens +30 +0 +0 +0 +0\\n${one.kid} +opens +0 +0 +0 +0 +0`))
  expect(after.stderr).toContain(`telpher keys drop ${one.kid}`)
  for (const target of await second.store.targets.list()) {
    const record = await second.store.accounts.get(target.account.id)
    expect(JSON.parse(unseal(two, record, target.account.id))).toEqual({ kind: 'bearer', token: `secret-of-${target.name}` })
  }
  await second.close()
})

/** Something of every kind, in every place. @returns how many records of each kind */
const sealEverywhere = async (store: Store, key: MasterKey, accounts: number): Promise<SealedCounts> => {
  const numbers = Array.from({ length: accounts }, (_, n) => n)
  const sealed = (type: SealedRecord['type'], id: string, version = 1): SealedRecord =>
    seal(key, { type, id, version, plaintext: `secret of ${id} ${version}` })
  await Promise.all(
    numbers.map((n) => {
      const target = sampleTarget(`t${n}`)
      return store.targets.create({ ...target, account: { ...target.account, id: `acc_${n}` } }, sealed('account', `acc_${n}`))
    }),
  )
  // One more version, as a rotation has it that has not come to its end, and a credential that somebody gave.
  const turn = await store.rotations.claim('t1', 60_000)
  if (turn === undefined) throw new Error('no turn')
  await store.rotations.step(turn, { rotation: { ...turn.rotation, state: 'sealed' }, put: sealed('account', 'acc_1', 2) }, 60_000)
  await store.rotations.ask('t2', { id: 'rot_1', kind: 'replace', sealed: sealed('account', 'acc_2') })
  const now = Date.now()
  for (let n = 0; n < 40; n++) {
    const { deployment, jobs } = expand(sampleRequest([applyStep('web')], ['t1']), [sampleTarget('t1')], now)
    await store.deployments.create(deployment, jobs, [sealed('secret', `${deployment.id}/0/a`), sealed('secret', `${deployment.id}/0/b`)])
    for (const { deploymentId, jobId } of jobs)
      await store.grants.put({ deploymentId, jobId, attempt: 2 }, sealed('grant', `${jobId}/2`), 600_000)
    const summary = { name: `kept-${n}`, version: 1, fingerprint: 'f', bytes: 1, createdAt: now, updatedAt: now }
    await store.secrets.put(summary, sealed('secret', summary.name), undefined)
    const id = n.toString(16).padStart(64, '0')
    await store.packages.put({ id, size: 0, pieces: [], key: sealed('package', id) })
  }
  await store.signers.ensure(() => sealed('signer', 'signer'))
  return { accounts: accounts + 2, secrets: 120, attempts: 40, packages: 40, signers: 1 }
}

test('everything that is sealed is counted and sealed anew, through kills, and what somebody changed is passed over', async () => {
  const own = await startOwnRedis()
  const [one, two] = keys as [MasterKey, MasterKey]
  const store = await openStore({ url: own.url })
  const counts = await sealEverywhere(store, one, 2000)
  const sum = (of: SealedCounts | undefined): number => Object.values(of ?? {}).reduce((total, count) => total + count, 0)
  expect(await store.sealed.count()).toEqual(new Map([[one.kid, counts]]))
  expect(await strayRecords(own.url)).toEqual([])
  const [grant] = (await own.ask('KEYS', 'tel:*:grant:*')).filter((key) => key.includes('grant'))
  let before = 0
  // In the middle of the accounts, of what follows them, and at the very last record.
  for (const dieAt of ['1700', '500', '110']) {
    const args = [own.url, join(folder, 'two.key'), join(folder, 'one.key'), dieAt]
    expect((await execa(process.execPath, [rotatingChild, ...args], { reject: false })).signal).toBe('SIGKILL')
    const now = await store.sealed.count()
    expect(sum(now.get(two.kid)) + sum(now.get(one.kid))).toBe(sum(counts))
    expect(sum(now.get(two.kid))).toBeGreaterThanOrEqual(before)
    before = sum(now.get(two.kid))
  }
  expect(before).toBeGreaterThan(0)

  const hurt = 'acc_7'
  const hurtIt = (record: SealedRecord): SealedRecord => ({ ...record, kid: one.kid, ciphertext: `AAAA${record.ciphertext.slice(4)}` })
  await store.sealed.change((record) => (record.id === hurt ? hurtIt(record) : undefined))
  const served = await serveApi({ redisUrl: own.url, key: { ...two, older: [one] } })
  const cli = await createTestCli(served)
  const rotated = await cli.run(['keys', 'rotate'])
  expect([rotated.code, rotated.stderr]).toEqual([10, expect.stringContaining(`left as they are: ${hurt}.`)])
  expect(await store.sealed.count()).toEqual(
    new Map([
      [two.kid, { ...counts, accounts: counts.accounts - 1 }],
      [one.kid, { accounts: 1, secrets: 0, attempts: 0, packages: 0, signers: 0 }],
    ]),
  )
  const opened = new Set<string>()
  await store.sealed.change((record) => {
    if (record.id !== hurt) expect(unseal(two, record, record.id)).toBe(`secret of ${record.id} ${record.version}`)
    opened.add(`${record.id} ${record.version}`)
    return undefined
  })
  // A given credential is of the account and the version that are there already.
  expect(opened.size).toBe(sum(counts) - 1)
  expect(Number((await own.ask('PTTL', grant ?? ''))[0])).toBeGreaterThan(0)
  await dropIt(served, one, two)
  await served.close()
  await store.close()
  await own.stop()
})

/** A key goes when nothing is sealed with it, and not before. */
const dropIt = async (served: ServedApi, one: MasterKey, two: MasterKey): Promise<void> => {
  const cli = await createTestCli(served)
  const tooEarly = await cli.run(['keys', 'drop', one.kid])
  expect([tooEarly.code, tooEarly.stderr]).toEqual([2, expect.stringContaining(`still sealed with ${one.kid}: 1 accounts`)])
  const active = await cli.run(['keys', 'drop', two.kid])
  expect([active.code, active.stderr]).toEqual([2, expect.stringContaining('is the key that this server seals with')])
  expect((await cli.run(['keys', 'drop', 'f'.repeat(16)])).stderr).toContain('there is no master key')
  await served.store.targets.remove('t7')
  const dropped = await cli.run(['keys', 'drop', one.kid, '-o', 'json'])
  expect([dropped.code, dropped.stderr]).toEqual([0, expect.stringContaining('TELPHER_OLDER_KEY_FILES')])
  const { droppedAt } = JSON.parse(dropped.stdout) as { droppedAt: number }
  const again = JSON.parse((await cli.run(['keys', 'drop', one.kid, '-o', 'json'])).stdout) as { droppedAt: number }
  expect(again.droppedAt).toBe(droppedAt)
  expect((await cli.run(['keys', 'list'])).stdout).toMatch(new RegExp(`${one.kid} +dropped +0 +0 +0 +0 +0`))
  await served.store.audit.seal('srv', sampleSigner)
  const { records } = await served.store.audit.list({ limit: 20 })
  expect(records).toContainEqual(
    expect.objectContaining({ type: 'key', action: 'drop', name: one.kid, outcome: 'done', detail: { droppedAt } }),
  )

  // What a server makes of it at its start, and its doctor.
  const warned: object[] = []
  const ring = await withoutDropped({ ...two, older: [one] }, served.store, (fields) => warned.push(fields))
  expect([ring.older, warned]).toEqual([[], [{ kid: one.kid }]])
  await expect(withoutDropped({ ...one, older: [two] }, served.store, () => {})).rejects.toMatchObject({ code: 'key_dropped' })
  const facts = await lookAtOlderKeys(
    ['one.key', 'two.key', 'none.key'].map((name) => join(folder, name)),
    served.store,
  )
  expect(judgeOlderKeys(facts)).toMatchObject([
    { id: 'key-file', status: 'warn', subject: join(folder, 'one.key'), seen: expect.stringContaining('was dropped on') },
    { id: 'key-file', status: 'fail', subject: join(folder, 'none.key') },
  ])
}

test('a key that the server has not is said, and what is sealed with it is left alone', async () => {
  const [one, two] = keys as [MasterKey, MasterKey]
  const served = await serveApi({ redisUrl: redis.url, key: one })
  const cli = await createTestCli(served)
  const listed = await cli.run(['keys', 'list'])
  expect(listed.stdout).toMatch(new RegExp(`${two.kid} +not on the server +30 +0 +0 +0 +0`))
  expect(listed.stderr).toContain('TELPHER_OLDER_KEY_FILES')
  const rotated = await cli.run(['keys', 'rotate'])
  expect([rotated.code, rotated.stdout]).toEqual([0, expect.stringContaining('0 records sealed anew')])
  expect(rotated.stderr).toContain(`What is sealed with ${two.kid} cannot be opened`)
  expect((await served.store.sealed.count()).get(two.kid)?.accounts).toBe(30)
  await served.close()
})

test('a key is made in a file that is not there, and told by its id only', async () => {
  const served = await serveApi({ redisUrl: redis.url })
  const cli = await createTestCli(served)
  const made = await cli.run(['keys', 'add', 'new.key'])
  expect(made.stdout).toMatch(/new\.key holds a new key, [0-9a-f]{16}\n$/)
  const again = await cli.run(['keys', 'add', 'new.key'])
  expect(again.stderr).toContain('it is there already')
  await served.close()
})
