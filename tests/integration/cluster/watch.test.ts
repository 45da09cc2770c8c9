import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Source } from '../../../src/cluster/source.ts'
import { type Collection, collect } from '../../../src/cluster/watch.ts'
import type { ClusterConnection } from '../../../src/model/ports.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { startProxy, type TcpProxy } from './proxy.ts'
import { adminConnection, mergePatch, tokenConnection } from './subject.ts'

let cluster: Cluster
let namespace: string
let proxy: TcpProxy
const ending: { close(): void }[] = []

beforeAll(async () => {
  cluster = await sharedCluster('kwok')
  proxy = await startProxy(Number(new URL(cluster.server).port))
})
afterEach(() => {
  for (const part of ending.splice(0)) part.close()
})
afterAll(() => proxy.stop())

const configMaps = (): string => `/api/v1/namespaces/${namespace}/configmaps`
const create = async (name: string): Promise<void> => {
  expect((await cluster.api('POST', configMaps(), { metadata: { name }, data: { count: '0' } })).status).toBe(201)
}
const change = (name: string, count: string): Promise<unknown> => mergePatch(cluster, `${configMaps()}/${name}`, { data: { count } })

const start = (connection: ClusterConnection, source: Partial<Source> = {}): Collection => {
  const collection = collect(connection, { path: configMaps(), ...source }, new AbortController().signal, () => {})
  ending.push(collection, connection)
  return collection
}

const countOf = (collection: Collection, name: string): string | undefined =>
  (collection.objects().get(`${namespace}/${name}`)?.['data'] as { count?: string } | undefined)?.count

const fresh = async (): Promise<void> => {
  namespace = await freshNamespace(cluster)
  await create('a')
}

describe('a collection', () => {
  test('holds what is there, and what comes, changes and goes', async () => {
    await fresh()
    const collection = start(adminConnection(cluster))
    await eventually(() => countOf(collection, 'a') === '0')
    await create('b')
    await change('a', '1')
    await eventually(() => countOf(collection, 'a') === '1' && countOf(collection, 'b') === '0')
    await cluster.api('DELETE', `${configMaps()}/a`)
    await eventually(() => countOf(collection, 'a') === undefined)
  })

  test('of one name holds nothing else', async () => {
    await fresh()
    await create('b')
    const collection = start(adminConnection(cluster), { name: 'b' })
    await eventually(() => collection.synced())
    await create('c')
    await change('b', '1')
    await eventually(() => countOf(collection, 'b') === '1')
    expect([...collection.objects().keys()]).toEqual([`${namespace}/b`])
  })

  test('is refreshed by a new list when asked', async () => {
    await fresh()
    const collection = start(adminConnection(cluster))
    await eventually(() => collection.synced())
    const asked = performance.now()
    await eventually(() => {
      if (collection.readAt() >= asked) return true
      collection.refresh()
      return false
    })
    expect(countOf(collection, 'a')).toBe('0')
  })

  test('outlives a watch that the server ends, and misses nothing', async () => {
    await fresh()
    const connection = adminConnection(cluster)
    let watches = 0
    const collection = start({
      ...connection,
      request: (asked) => {
        if (asked.path.includes('watch=true')) watches++
        return connection.request({ ...asked, path: asked.path.replace(/timeoutSeconds=\d+/, 'timeoutSeconds=1') })
      },
    })
    await eventually(() => collection.synced())
    for (let n = 1; n <= 20; n++) {
      await change('a', String(n))
      await eventually(() => countOf(collection, 'a') === String(n), 15_000)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(watches).toBeGreaterThan(1)
  })
})

describe('connections', () => {
  test('that are cut aloud are opened anew', async () => {
    await fresh()
    const collection = start(adminConnection(cluster, proxy.port))
    await eventually(() => countOf(collection, 'a') === '0')
    proxy.cut()
    await change('a', '1')
    await eventually(() => countOf(collection, 'a') === '1')
  })

  test('that are cut silently are noticed within 15 seconds', async () => {
    await fresh()
    const connection = adminConnection(cluster, proxy.port)
    const collections = [start(connection), start(connection, { name: 'a' })]
    await eventually(() => collections.every((collection) => countOf(collection, 'a') === '0'))
    proxy.freeze()
    await change('a', '1')
    await eventually(() => collections.every((collection) => countOf(collection, 'a') === '1'), 15_000)
  })

  test('that cannot be made for a while are tried until they can', async () => {
    await fresh()
    const collection = start(adminConnection(cluster, proxy.port))
    await eventually(() => countOf(collection, 'a') === '0')
    proxy.freeze({ all: true })
    proxy.cut()
    await change('a', '1')
    await eventually(() => collection.trouble() !== undefined, 15_000)
    proxy.thaw()
    proxy.cut()
    await eventually(() => countOf(collection, 'a') === '1', 15_000)
    expect(collection.trouble()).toBeUndefined()
  })
})

describe('what a role allows', () => {
  const withRole = async (account: string, rule: object): Promise<ClusterConnection> => {
    await fresh()
    const token = await cluster.serviceAccountToken(namespace, account)
    const rbac = 'rbac.authorization.k8s.io/v1'
    await cluster.apply(
      {
        apiVersion: rbac,
        kind: 'Role',
        metadata: { name: account, namespace },
        rules: [{ apiGroups: [''], resources: ['configmaps'], ...rule }],
      },
      {
        apiVersion: rbac,
        kind: 'RoleBinding',
        metadata: { name: account, namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      },
    )
    return tokenConnection(cluster, token)
  }

  test('no watch: it is listed again and again', async () => {
    const collection = start(await withRole('lister', { verbs: ['get', 'list'] }))
    await eventually(() => countOf(collection, 'a') === '0')
    await change('a', '1')
    await eventually(() => countOf(collection, 'a') === '1')
  })

  test('no list: one object is asked for by its name', async () => {
    const collection = start(await withRole('getter', { verbs: ['get'], resourceNames: ['a'] }), { name: 'a' })
    await eventually(() => countOf(collection, 'a') === '0')
    await change('a', '1')
    await eventually(() => countOf(collection, 'a') === '1')
    await cluster.api('DELETE', `${configMaps()}/a`)
    await eventually(() => countOf(collection, 'a') === undefined)
  })

  test('nothing: it is said, but not at the first refusal', async () => {
    const collection = start(await withRole('nobody', { verbs: ['create'] }))
    await eventually(() => collection.trouble() !== undefined)
    expect(collection.denied()).toBeUndefined()
    expect(await eventually(() => collection.denied())).toContain('403')
  })
})
