import { afterAll, beforeAll } from 'vitest'
import type { MasterKey } from '../../src/credentials/keyfile.ts'
import type { Target } from '../../src/model/target.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { type OwnRedis, startOwnRedis } from './ownredis.ts'
import { addIdentity, testKey } from './rotating.ts'
import { freshNamespace, sharedCluster } from './sandbox.ts'

/** A target with a bootstrap identity of its own: it is named as its home. */
export interface RotationPlace {
  readonly name: string
  readonly home: string
  readonly namespace: string
  readonly target: Target
}

/** What every test of rotation has: the shared API server, and a Redis and a store of the file's own. */
export interface RotationScene {
  readonly key: MasterKey
  readonly cluster: Cluster
  readonly redis: OwnRedis
  readonly store: Store
  /** Sets up a target in new namespaces. @param options.server another way to the same API server */
  begin(options?: { readonly server?: string; readonly changes?: Partial<Target> }): Promise<RotationPlace>
}

/** Has the parts started before the tests of a file, and stopped after them. */
export const rotationScene = (): RotationScene => {
  const key = testKey()
  let parts: { readonly cluster: Cluster; readonly redis: OwnRedis; readonly store: Store } | undefined
  const started = () => {
    if (parts === undefined) throw new Error('the parts are there once the tests begin')
    return parts
  }
  beforeAll(async () => {
    const [cluster, redis] = [await sharedCluster('none'), await startOwnRedis()]
    parts = { cluster, redis, store: await openStore({ url: redis.url }) }
  })
  afterAll(async () => {
    const { store, redis } = started()
    await store.close()
    await redis.stop()
  })
  return {
    key,
    get cluster() {
      return started().cluster
    },
    get redis() {
      return started().redis
    },
    get store() {
      return started().store
    },
    begin: async (options = {}) => {
      const { cluster, store } = started()
      const [home, namespace] = [await freshNamespace(cluster), await freshNamespace(cluster)]
      const target = await addIdentity(cluster, store, key, { target: home, home, namespaces: [namespace] }, options)
      return { name: home, home, namespace, target }
    },
  }
}
