import { randomUUID } from 'node:crypto'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { openStore } from '../../src/store/index.ts'
import { manyIdentities, rotateMany } from '../support/manyidentities.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { testKey } from '../support/rotating.ts'
import { type Figure, rounded } from './figures.ts'

const identities = 1000
const revoked = 100
const deadlineMs = 1_200_000

/**
 * `rotate.1000_s`: identities of one cluster that are asked to rotate at once, until each old token was seen to be refused, at most 5 calls at a
 * time. `rotate.calls`: requests to the API server for each of them. `revoke.100_s`: the same for credentials in wrong hands.
 */
export const rotateSuite = async (cluster: Cluster): Promise<Figure[]> => {
  const home = `rotate-${randomUUID().slice(0, 8)}`
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: home } })
  const [redis, key] = [await startOwnRedis({ appendfsync: 'everysec' }), testKey()]
  const store = await openStore({ url: redis.url })
  const names = await manyIdentities(cluster, store, key, home, identities)
  const all = await rotateMany(store, key, names, 'rotate', deadlineMs)
  const some = await rotateMany(store, key, names.slice(0, revoked), 'revoke', deadlineMs)
  await store.close()
  await redis.stop()
  return [
    { id: 'rotate.1000_s', value: rounded(all.ms / 1000), unit: 's', runs: 1 },
    { id: 'rotate.calls', value: rounded(all.calls / identities), unit: 'requests', runs: 1 },
    { id: 'revoke.100_s', value: rounded(some.ms / 1000), unit: 's', runs: 1 },
  ]
}
