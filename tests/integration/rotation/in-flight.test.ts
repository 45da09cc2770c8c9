import { expect, test } from 'vitest'
import { createConnector } from '../../../src/cluster/connection.ts'
import { createMinting } from '../../../src/credentials/grant.ts'
import { isTaken } from '../../../src/credentials/modes/who.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { Given } from '../../../src/model/ports.ts'
import { openStore } from '../../../src/store/index.ts'
import { newAttempt } from '../../contract/modes.ts'
import { startOwnRedis } from '../../support/ownredis.ts'
import { addIdentity, asked, journalOf, rotating, statusOf, testKey, usedToken } from '../../support/rotating.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'

const attempts = 50

const credentialOf = (given: Given): Credential => {
  if (given === 'use-own') throw new Error('a credential was to be minted')
  return given.credential
}

test('fifty attempts are used, renewed and ended across a rotation: none fails, and none of their tokens is refused', async () => {
  const [cluster, key, redis] = [await sharedCluster('none'), testKey(), await startOwnRedis()]
  const store = await openStore({ url: redis.url })
  const [home, namespace] = [await freshNamespace(cluster), await freshNamespace(cluster)]
  const target = await addIdentity(cluster, store, key, { target: home, home, namespaces: [namespace] })
  const old = await usedToken(store, home, key)
  const connect = createConnector()
  const readAccount = (id: string) => store.accounts.get(id)
  const minting = createMinting({ readAccount, records: store.grants, key, cluster: { connect }, installation: 'srv_1' })

  let [isOver, uses, renewals] = [false, 0, 0]
  const refused: string[] = []
  /** An attempt that read its target before the rotation, and never again. */
  const attempt = async (number: number): Promise<void> => {
    const ref = newAttempt()
    let credential = credentialOf(await minting.grant(target, ref, 600_000))
    for (let turn = number; !isOver; turn++) {
      const connection = connect(target, credential)
      if (!(await isTaken({ server: target.server, connection }))) refused.push(credential.id)
      uses++
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (turn % 10 !== 0) continue
      credential = credentialOf(await minting.renew(target, ref, 600_000))
      renewals++
    }
    await minting.end(target, ref)
  }
  const running = Array.from({ length: attempts }, (_, number) => attempt(number))
  const loop = rotating(store, key)
  const answer = await asked(store, home, { kind: 'rotate' }, 120_000)
  isOver = true
  await Promise.all(running)
  await loop.stop()

  expect(answer).toMatchObject({ ok: true })
  expect([refused, await statusOf(cluster, old)]).toEqual([[], 401])
  expect(uses).toBeGreaterThan(attempts * 5)
  expect(renewals).toBeGreaterThan(attempts)
  const journal = await journalOf(store, home)
  expect((journal?.rotatedAt ?? 0) - (journal?.provenAt ?? 0)).toBeLessThan(5000)
  // Each ended with its Secret, whichever version ended it.
  expect(await minting.sweep(target, async () => true)).toBe(0)
  await store.close()
  await redis.stop()
})
