import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MasterKey, makeKeyFile } from '../../../src/credentials/keyfile.ts'
import { seal, unseal } from '../../../src/credentials/seal.ts'
import type { SealedRecord } from '../../../src/model/credential.ts'
import { openStore } from '../../../src/store/index.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { sampleTarget } from '../../support/samples.ts'
import { createTestCli } from '../cli/cli.ts'
import { newTarget, serveApi } from './api.ts'

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
  expect(before.stdout).toMatch(new RegExp(`${two.kid} +seals and opens +0 +0\\n${one.kid} +opens +30 +0`))
  expect(before.stderr).toContain('telpher keys rotate')
  // Two at once do each account once.
  const [a, b] = await Promise.all([cli.run(['keys', 'rotate', '-o', 'json']), cli.run(['keys', 'rotate', '-o', 'json'])])
  const resealed = [a, b].map(({ stdout }) => (JSON.parse(stdout) as { resealed: number }).resealed)
  expect((resealed[0] ?? 0) + (resealed[1] ?? 0)).toBe(30)
  const after = await cli.run(['keys', 'list'])
  expect(after.stdout).toMatch(new RegExp(`${two.kid} +seals and opens +30 +0\\n${one.kid} +opens +0 +0`))
  expect(after.stderr).toContain(`Nothing is sealed with ${one.kid}`)
  for (const target of await second.store.targets.list()) {
    const record = await second.store.accounts.get(target.account.id)
    expect(JSON.parse(unseal(two, record, target.account.id))).toEqual({ kind: 'bearer', token: `secret-of-${target.name}` })
  }
  await second.close()
})

test('sealing anew goes on after a kill, and passes over what somebody changed', async () => {
  const own = await startOwnRedis()
  const [one, two] = keys as [MasterKey, MasterKey]
  const store = await openStore({ url: own.url })
  const ids = Array.from({ length: 3000 }, (_, n) => `acc_${n}`)
  await Promise.all(
    ids.map((id, n) =>
      store.targets.create(
        { ...sampleTarget(`t${n}`), account: { ...sampleTarget('t').account, id } },
        seal(one, { type: 'account', id, version: 1, plaintext: `secret of ${id}` }),
      ),
    ),
  )
  const killed = await execa(process.execPath, [rotatingChild, own.url, join(folder, 'two.key'), join(folder, 'one.key'), '1700'], {
    reject: false,
  })
  expect(killed.signal).toBe('SIGKILL')
  const { [two.kid]: done = 0, [one.kid]: left = 0 } = Object.fromEntries(await store.accounts.countByKey())
  expect([done + left, done > 0, left > 0]).toEqual([3000, true, true])

  const hurt = 'acc_7'
  const hurtIt = (record: SealedRecord): SealedRecord => ({ ...record, kid: one.kid, ciphertext: `AAAA${record.ciphertext.slice(4)}` })
  await store.accounts.change((record) => (record.id === hurt ? hurtIt(record) : undefined))
  const served = await serveApi({ redisUrl: own.url, key: { ...two, older: [one] } })
  const cli = await createTestCli(served)
  const rotated = await cli.run(['keys', 'rotate'])
  expect([rotated.code, rotated.stderr]).toEqual([10, expect.stringContaining(`left as they are: ${hurt}.`)])
  expect(await store.accounts.countByKey()).toEqual(
    new Map([
      [two.kid, 2999],
      [one.kid, 1],
    ]),
  )
  for (const id of ids) {
    const record = await store.accounts.get(id)
    if (id === hurt) expect(() => unseal({ ...two, older: [one] }, record, id)).toThrow('it was changed')
    else expect(unseal(two, record, id)).toBe(`secret of ${id}`)
  }
  await served.close()
  await store.close()
  await own.stop()
})

test('a key that the server has not is said, and what is sealed with it is left alone', async () => {
  const [one, two] = keys as [MasterKey, MasterKey]
  const served = await serveApi({ redisUrl: redis.url, key: one })
  const cli = await createTestCli(served)
  const listed = await cli.run(['keys', 'list'])
  expect(listed.stdout).toMatch(new RegExp(`${two.kid} +not on the server +30 +0`))
  expect(listed.stderr).toContain('TELPHER_OLDER_KEY_FILES')
  const rotated = await cli.run(['keys', 'rotate'])
  expect([rotated.code, rotated.stdout]).toEqual([0, expect.stringContaining('0 records sealed anew')])
  expect(rotated.stderr).toContain(`What is sealed with ${two.kid} cannot be opened`)
  expect((await served.store.accounts.countByKey()).get(two.kid)).toBe(30)
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
