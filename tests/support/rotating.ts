import { randomBytes } from 'node:crypto'
import { connect } from '../../src/cluster/connection.ts'
import { type PlainCredential, readPlain, summarize } from '../../src/credentials/account.ts'
import { applySetup, planSetup, takeBootstrapToken } from '../../src/credentials/bootstrap/apply.ts'
import { bootstrapSecretType, namesOf, type SetupOptions } from '../../src/credentials/bootstrap/objects.ts'
import type { MasterKey } from '../../src/credentials/keyfile.ts'
import type { Api } from '../../src/credentials/modes/ask.ts'
import type { RotationDeps } from '../../src/credentials/rotation/held.ts'
import { startRotation } from '../../src/credentials/rotation/loop.ts'
import type { PlaceTimes } from '../../src/credentials/rotation/places.ts'
import { seal, unseal } from '../../src/credentials/seal.ts'
import { newId } from '../../src/model/ids.ts'
import type { Rotation } from '../../src/model/rotation.ts'
import type { RotationWish } from '../../src/model/rotationjournal.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Store } from '../../src/store/index.ts'
import { fetchAs } from './bootstrap.ts'
import { eventually } from './eventually.ts'
import { sampleTarget } from './samples.ts'

export const testKey = (): MasterKey => ({ kid: 'test', key: randomBytes(32) })

/** Short enough for a test; the ten seconds for which an API server remembers a token nobody can shorten. */
const quickTimes = { turnMs: 3000, drainMs: 0, dueDrainMs: 0, confirmMs: 20_000, againMs: 500 }

/** As the admin of a cluster. */
const adminApi = (cluster: Pick<Cluster, 'server' | 'caPem' | 'admin'>): Api => ({
  server: cluster.server,
  connection: connect(
    { server: cluster.server, ca: cluster.caPem },
    { id: 'admin', kind: 'client-certificate', certificate: cluster.admin.certPem, key: new Secret(cluster.admin.keyPem) },
  ),
})

export const storeTarget = async (store: Store, target: Target, plain: PlainCredential, key: MasterKey): Promise<Target> => {
  const id = newId('acc')
  const stored = { ...target, account: summarize(id, plain) }
  await store.targets.create(stored, seal(key, { type: 'account', id, version: 1, plaintext: JSON.stringify(plain) }))
  return stored
}

/** What `target add` makes and stores, with the rights of the cluster's admin. @param server another way to the same API server */
export const addIdentity = async (
  cluster: Cluster,
  store: Store,
  key: MasterKey,
  options: Pick<SetupOptions, 'target' | 'home' | 'namespaces'>,
  { server = cluster.server, seconds = 3600, changes = {} }: { server?: string; seconds?: number; changes?: Partial<Target> } = {},
): Promise<Target> => {
  const setup = { ...options, clusterWide: false }
  const admin = adminApi(cluster)
  try {
    await applySetup(admin, await planSetup(admin, setup))
    const token = await takeBootstrapToken(admin, setup, seconds)
    const [namespace = 'default'] = options.namespaces
    const target = sampleTarget(options.target, {
      server,
      ca: cluster.caPem,
      namespace,
      policy: { namespaces: [...options.namespaces], grants: [], verbs: [], resources: [] },
      clusterId: cluster.id,
      createdAt: Date.now(),
      ...changes,
    })
    const plain = { kind: 'token-request', token, namespace: options.home, serviceAccount: namesOf(options.target).deployer } as const
    await eventually(async () => {
      const probe = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'probe' }, type: 'Opaque' }
      const answer = await fetchAs(cluster, token, 'POST', `/api/v1/namespaces/${options.home}/secrets?dryRun=All`, probe)
      return answer.body.includes('telpher:')
    })
    return await storeTarget(store, target, plain, key)
  } finally {
    admin.connection.close()
  }
}

/** The loop of a server, for as long as a test wants it. */
export const rotating = (
  store: Store,
  key: MasterKey,
  changes: Partial<Omit<RotationDeps, 'times'>> & {
    readonly times?: Partial<RotationDeps['times']>
    readonly placeTimes?: Partial<PlaceTimes>
    readonly only?: readonly string[]
  } = {},
): { stop(): Promise<void>; readonly lines: object[] } => {
  const [end, lines] = [new AbortController(), [] as object[]]
  const { stopped } = startRotation({
    // Tests on one Redis leave the accounts of others alone.
    journal: {
      ...store.rotations,
      due: async (most) => (await store.rotations.due(most)).filter((name) => changes.only?.includes(name) ?? true),
    },
    cluster: { connect },
    key,
    installation: 'srv_test',
    isBusy: async () => false,
    refused: async () => undefined,
    record: async () => {},
    log: (line) => void lines.push(line),
    ...changes,
    times: { ...quickTimes, ...changes.times },
    signal: end.signal,
  })
  return {
    lines,
    stop: async () => {
      end.abort()
      await stopped
    },
  }
}

export const journalOf = async (store: Store, name: string): Promise<Rotation | undefined> =>
  (await store.rotations.read(await store.targets.get(name)))?.rotation

/** Asks for something and waits until it is answered. */
export const asked = async (
  store: Store,
  name: string,
  wish: { kind: 'rotate' | 'revoke' | 'rollback' } | Omit<Extract<RotationWish, { kind: 'replace' }>, 'id'>,
  deadlineMs = 60_000,
): Promise<NonNullable<Rotation['answer']>> => {
  const id = newId('rot')
  await store.rotations.ask(name, { ...wish, id } as RotationWish)
  return eventually(async () => {
    const answer = (await journalOf(store, name))?.answer
    return answer?.id === id ? answer : undefined
  }, deadlineMs)
}

/** The credential that the target uses now. */
const usedCredential = async (store: Store, name: string, key: MasterKey): Promise<PlainCredential> => {
  const { account } = await store.targets.get(name)
  return readPlain(account.id, unseal(key, await store.accounts.get(account.id), account.id))
}

export const usedToken = async (store: Store, name: string, key: MasterKey): Promise<string> => {
  const plain = await usedCredential(store, name, key)
  return 'token' in plain ? plain.token : ''
}

/** Names of the Secrets that tokens of a target's identity are bound to, as they are in the cluster. */
export const ownSecretsIn = async (cluster: Cluster, { target, home }: Pick<SetupOptions, 'target' | 'home'>): Promise<string[]> => {
  const answer = await cluster.api('GET', `/api/v1/namespaces/${home}/secrets?labelSelector=telpher.dev/target%3D${target}`)
  const { items } = JSON.parse(answer.body) as { items: { type: string; metadata: { name: string } }[] }
  return items
    .filter(({ type }) => type === bootstrapSecretType)
    .map(({ metadata }) => metadata.name)
    .sort()
}

/** What `GET /version` is answered with. */
export const statusOf = async (cluster: Pick<Cluster, 'server' | 'caPem'>, token: string): Promise<number> =>
  (await fetchAs(cluster, token, 'GET', '/version')).status

/** Whether the API server takes the credential that the target uses now: what it used a moment ago may be dead already. */
export const isLetIn = async (cluster: Pick<Cluster, 'server' | 'caPem'>, store: Store, name: string, key: MasterKey): Promise<boolean> => {
  for (;;) {
    const token = await usedToken(store, name, key)
    if ((await statusOf(cluster, token)) === 200) return true
    if ((await usedToken(store, name, key)) === token) return false
  }
}
