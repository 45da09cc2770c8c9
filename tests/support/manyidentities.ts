import { createConnector } from '../../src/cluster/connection.ts'
import { bootstrapRules } from '../../src/credentials/bootstrap/rules.ts'
import type { MasterKey } from '../../src/credentials/keyfile.ts'
import { newId } from '../../src/model/ids.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Store } from '../../src/store/index.ts'
import { eventually } from './eventually.ts'
import { rotating, storeTarget } from './rotating.ts'
import { sampleTarget } from './samples.ts'

const atOnce = 16

/** Does the work for each, a few at a time. */
const each = async <T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> => {
  const waiting = [...all]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

/**
 * Targets with bootstrap identities of their own, all in one namespace. Without admission policies: two thousand of them in one cluster are
 * nobody's, and each request would be measured against all.
 * @returns their names
 */
export const manyIdentities = async (cluster: Cluster, store: Store, key: MasterKey, home: string, count: number): Promise<string[]> => {
  const names = Array.from({ length: count }, (_, at) => `${home}-${at}`)
  const post = async (path: string, body: object): Promise<{ metadata: { uid: string }; status?: { token?: string } }> => {
    const answer = await cluster.api('POST', path, body)
    if (answer.status !== 201) throw new Error(answer.body)
    return JSON.parse(answer.body) as { metadata: { uid: string }; status?: { token?: string } }
  }
  const [core, rbac] = [`/api/v1/namespaces/${home}`, `/apis/rbac.authorization.k8s.io/v1/namespaces/${home}`]
  await each(names, async (target) => {
    const name = `bootstrap-${target}`
    await post(`${core}/serviceaccounts`, { metadata: { name } })
    await post(`${rbac}/roles`, { metadata: { name }, rules: bootstrapRules(`deployer-${target}`, name) })
    await post(`${rbac}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: home }],
    })
    const labels = { 'telpher.dev/target': target }
    const { uid } = (await post(`${core}/secrets`, { metadata: { name, labels }, type: 'telpher.dev/bootstrap' })).metadata
    const asked = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 7200, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
    }
    const { token = '' } = (await post(`${core}/serviceaccounts/${name}/token`, asked)).status ?? {}
    const policy = { namespaces: [home], grants: [], verbs: [], resources: [] }
    const stored = sampleTarget(target, {
      server: cluster.server,
      ca: cluster.caPem,
      namespace: home,
      policy,
      clusterId: cluster.id,
      createdAt: Date.now(),
    })
    await storeTarget(store, stored, { kind: 'token-request', token, namespace: home, serviceAccount: `deployer-${target}` }, key)
  })
  return names
}

/**
 * Asks the same of all of them at once and waits until each is answered.
 * @returns how long it took, in ms, and how many requests the API server got
 * @throws Error that says what came of the first that was not done
 */
export const rotateMany = async (
  store: Store,
  key: MasterKey,
  names: readonly string[],
  kind: 'rotate' | 'revoke',
  deadlineMs: number,
): Promise<{ readonly ms: number; readonly calls: number }> => {
  let calls = 0
  const connect = createConnector()
  const loop = rotating(store, key, {
    times: { turnMs: 15_000 },
    cluster: {
      connect: (target, credential) => {
        const connection = connect(target, credential)
        return {
          ...connection,
          request: (asked) => {
            calls++
            return connection.request(asked)
          },
        }
      },
    },
  })
  const begunAt = performance.now()
  const id = newId('rot')
  await each(names, (name) => store.rotations.ask(name, { id, kind }))
  const left = new Set(names)
  await eventually(
    async () => {
      for (const name of left) {
        const answer = (await store.rotations.read(await store.targets.get(name)))?.rotation.answer
        if (answer?.id !== id) continue
        if (!answer.ok) throw new Error(`${name}: ${answer.sentence}`)
        left.delete(name)
      }
      return left.size === 0
    },
    deadlineMs,
    250,
  )
  const ms = performance.now() - begunAt
  await loop.stop()
  return { ms, calls }
}
