import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { type PlainCredential, summarize } from '../../../src/credentials/account.ts'
import { createBinder } from '../../../src/credentials/bound.ts'
import { createMinting } from '../../../src/credentials/grant.ts'
import type { MasterKey } from '../../../src/credentials/keyfile.ts'
import type { PoolKey } from '../../../src/credentials/poolkey.ts'
import { type AttemptRequests, createRequester, type Requester } from '../../../src/credentials/request.ts'
import { seal } from '../../../src/credentials/seal.ts'
import { type Signer, signerOf } from '../../../src/credentials/signer.ts'
import { createVault } from '../../../src/credentials/vault.ts'
import type { AttemptRef, Job } from '../../../src/model/deployment.ts'
import { jobEnvelope, signEnvelope } from '../../../src/model/envelope.ts'
import { TelpherError } from '../../../src/model/errors.ts'
import { newId } from '../../../src/model/ids.ts'
import type { Cluster, Minting } from '../../../src/model/ports.ts'
import type { Signed } from '../../../src/model/signature.ts'
import type { Target } from '../../../src/model/target.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { boundMinting } from '../../../src/server/bound.ts'
import { startBroker } from '../../../src/server/broker/broker.ts'
import { openStore, type Store, type TakenRequest } from '../../../src/store/index.ts'
import { enrolInStore } from '../../support/enrol.ts'
import { packagesOf } from '../../support/packages.ts'
import { helmStep, sampleRequest, sampleTarget } from '../../support/samples.ts'

/** Nobody's API server: accounts of these tests are static tokens, which are minted from nothing. */
const noCluster: Cluster = {
  connect() {
    throw new TelpherError('internal', 'nothing is asked of a target here')
  },
}

/** How a worker asks and hears. */
export interface Hearing {
  /** It hears no answer before this. */
  readonly from?: Promise<unknown>
  /** Without an answer for so long, in ms, it asks once more. */
  readonly againMs?: number
}

/** Servers that broker over a Redis, and workers of two pools that ask them. */
export interface Scene {
  readonly store: Store
  readonly signer: Signer
  readonly master: MasterKey
  /** How many credentials and secrets left a broker. */
  given(): number
  /** What workers sent, as anybody who reaches Redis could have read it. */
  readonly sent: Omit<TakenRequest, 'entry'>[]
  /** What brokers said of refusals. */
  readonly refusals: string[]
  addTarget(name: string, pool: string): Promise<Target>
  enrol(pool: string): Promise<PoolKey>
  /** A worker with this key. @param id of another worker than itself @param how how it asks and hears */
  worker(key: PoolKey, id?: string, how?: Hearing): { readonly id: string; readonly requester: Requester }
  /** A job of a target, admitted, and its envelope. */
  job(target: Target): Promise<{ readonly job: Job; readonly envelope: Signed; readonly attempt: AttemptRef }>
  /** Lets a worker begin a job. */
  hold(job: Job, worker: string): Promise<void>
  startServer(minting?: Partial<Minting>, leaveMs?: number): { stop(): Promise<void> }
  close(): Promise<void>
}

/** @param as a scene before it, whose keys it has */
export const openScene = async (url: string, as?: Pick<Scene, 'signer' | 'master'>): Promise<Scene> => {
  const store = await openStore({ url })
  const master = as?.master ?? { kid: 'test', key: randomBytes(32) }
  const signer = as?.signer ?? signerOf(generateKeyPairSync('ed25519').privateKey)
  const vault = createVault(master)
  const closing = new AbortController()
  const stopping: (() => Promise<void>)[] = []
  const refusals: string[] = []
  const sent: Scene['sent'] = []
  let given = 0
  const binder = createBinder(signer)
  const minting = boundMinting(
    createMinting({
      readAccount: (id) => store.accounts.get(id),
      records: store.grants,
      key: master,
      cluster: noCluster,
      installation: 'srv_1',
    }),
    binder,
  )
  const counted = (own: Partial<Minting>): Minting => ({
    ...minting,
    ...own,
    async grant(...asked) {
      const what = await (own.grant ?? minting.grant)(...asked)
      given++
      return what
    },
    async renew(...asked) {
      const what = await (own.renew ?? minting.renew)(...asked)
      given++
      return what
    },
  })
  return {
    store,
    signer,
    master,
    given: () => given,
    sent,
    refusals,
    async addTarget(name, pool) {
      const plain: PlainCredential = { kind: 'bearer', token: `token-of-${name}` }
      const id = newId('acc')
      const target: Target = binder.bind({ ...sampleTarget(name), pool, account: summarize(id, plain) })
      await store.targets.create(target, seal(master, { type: 'account', id, version: 1, plaintext: JSON.stringify(plain) }))
      return target
    },
    enrol: (pool) => enrolInStore(store, pool, signer),
    worker(key, id = newId('wrk'), { from, againMs = 20_000 } = {}) {
      const requester = createRequester({
        channel: {
          async *answers(...asked) {
            await from
            yield* store.broker.answers(...asked)
          },
          async send(request) {
            sent.push(request)
            await store.broker.send(request)
          },
        },
        key,
        worker: id,
        signal: closing.signal,
        log: (line) => void refusals.push(JSON.stringify(line)),
        times: { againMs, patienceMs: 20_000, unprovenMs: 100 },
      })
      return { id, requester }
    },
    async job(target) {
      const { deployment, jobs } = expand(sampleRequest([helmStep('app', 'web')], [target.name]), [target], Date.now())
      await store.deployments.create(deployment, jobs)
      const [first] = jobs
      if (first === undefined) throw new Error('there is no job')
      await store.jobs.apply(first, { type: 'admit' })
      const job = await store.jobs.get(first)
      const envelope = signEnvelope(jobEnvelope(job, job.attempt + 1, { pins: {}, maxStarts: 5, now: Date.now() }), signer.privateKey)
      return { job, envelope, attempt: { deploymentId: job.deploymentId, jobId: job.jobId, attempt: job.attempt + 1 } }
    },
    async hold(job, worker) {
      await store.jobs.apply(job, { type: 'start', worker })
    },
    startServer(own = {}, leaveMs) {
      const ending = new AbortController()
      const broker = startBroker({
        store,
        minting: counted(own),
        vault,
        packages: packagesOf(store),
        signer,
        log: (line) => void refusals.push(JSON.stringify(line)),
        signal: ending.signal,
        ...(leaveMs === undefined ? {} : { leaveMs }),
      })
      const stop = async (): Promise<void> => {
        ending.abort()
        await broker.stopped
      }
      stopping.push(stop)
      return { stop }
    },
    async close() {
      closing.abort()
      await Promise.all(stopping.map((stop) => stop()))
      await store.close()
    },
  }
}

/** The token that an attempt is given. */
export const tokenFor = async (requests: AttemptRequests): Promise<string> => {
  const answer = await requests.ask('grant', 600_000)
  if (answer.is !== 'credential' || answer.credential.kind !== 'bearer') throw new Error(`answered with ${answer.is}`)
  return answer.credential.token
}

/** A worker that has begun a job of a target, and what it asks with. */
export interface AtWork {
  readonly target: Target
  readonly job: Job
  readonly envelope: Signed
  readonly attempt: AttemptRef
  /** The worker's. */
  readonly id: string
  readonly requester: Requester
  readonly requests: AttemptRequests
  /** Its heartbeat. */
  renew(): Promise<unknown>
}

export const atWork = async (scene: Scene, key: PoolKey, target: Target, how: Hearing = {}): Promise<AtWork> => {
  const { job, envelope, attempt } = await scene.job(target)
  const { id, requester } = scene.worker(key, undefined, how)
  await scene.hold(job, id)
  const renew: AtWork['renew'] = () => scene.store.claims.renew(job, attempt.attempt, id)
  return { target, job, envelope, attempt, id, requester, requests: requester.forAttempt(envelope), renew }
}
