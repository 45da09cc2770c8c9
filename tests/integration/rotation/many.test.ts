import { expect, test } from 'vitest'
import { openStore } from '../../../src/store/index.ts'
import { manyIdentities, rotateMany } from '../../support/manyidentities.ts'
import { startOwnRedis } from '../../support/ownredis.ts'
import { testKey } from '../../support/rotating.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'

/** Thirty in `npm test`, a thousand in `npm run bench -- credentials`. */
test('many identities rotate in one go, with a bound on what the API server is asked, and are revoked in one go', async () => {
  const [cluster, key, redis] = [await sharedCluster('none'), testKey(), await startOwnRedis()]
  const store = await openStore({ url: redis.url })
  const names = await manyIdentities(cluster, store, key, await freshNamespace(cluster), 30)
  const rotated = await rotateMany(store, key, names, 'rotate', 120_000)
  expect(rotated.calls / names.length).toBeLessThan(35)
  const revoked = await rotateMany(store, key, names, 'revoke', 60_000)
  expect(revoked.ms).toBeLessThan(60_000)
  for (const name of names) expect((await store.targets.get(name)).account.version).toBe(3)
  await store.close()
  await redis.stop()
})
