import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Destination, type LocalSteps, planLocal } from './client/plan.ts'
import { type Run, runOf } from './client/run.ts'
import { sealUpload } from './credentials/packages.ts'
import { type ErrorCode, errorTable, TelpherError } from './model/errors.ts'
import { newId } from './model/ids.ts'
import { type Answer, hasValues, signSubmission, submissionMs, valuesInRedis } from './model/producer.ts'
import { isSigned, publicKeyOf, type Signed } from './model/signature.ts'
import { openStore, type Store, untilThrough } from './store/index.ts'

export type { Ended } from './client/run.ts'
export { TelpherError } from './model/errors.ts'

export interface ProducerOptions {
  /** As TELPHER_REDIS_URL of the server: redis:// or rediss://. */
  readonly redisUrl: string
  /** As TELPHER_STORE_REDIS_URL, where packages and logs lie in another Redis. */
  readonly storeRedisUrl?: string
  /** The name that it was enrolled under (telpher producer add). */
  readonly name: string
  /** The file that `telpher producer add` wrote: its private key, Ed25519 in PEM, and that of the servers; or its text, from a secret store. */
  readonly keyFile?: string
  readonly key?: string
  /** The key that the servers sign with, in PEM, where that text has only the private one. */
  readonly serverKey?: string
  /** What paths are relative to; the folder of the process when absent. */
  readonly cwd?: string
}

/** What is deployed, and where. */
export type ProducerDeployment = Destination & LocalSteps

/** A deployment that was submitted; ended by `telpher cancel`. */
export type ProducerRun = Omit<Run, 'cancel'>

/** Submits deployments through Redis, for a service that is connected to it anyway: no token of the server, and no way over HTTP. */
export interface DeploymentProducer {
  /**
   * Packs, signs and submits a deployment, and waits until a server has taken it.
   * @param options.timeoutMs how long; 30,000 when absent, 300,000 at most
   * @throws TelpherError submission_refused, target_not_allowed, unknown_producer, unknown_target, invalid_input, credential_in_clear; what a package may be refused
   *   for; wait_timed_out when no server took it in time, which is refused later too; redis_*
   */
  deploy(deployment: ProducerDeployment, options?: { readonly timeoutMs?: number }): Promise<ProducerRun>
  /** @throws TelpherError unknown_deployment */
  run(id: string): Promise<ProducerRun>
  close(): Promise<void>
}

interface Keys {
  readonly own: KeyObject
  /** What the servers sign with. */
  readonly servers: readonly KeyObject[]
}

const publicBlocks = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g

const readKeys = async ({ key, keyFile, serverKey = '' }: ProducerOptions): Promise<Keys> => {
  if (key === undefined && keyFile === undefined) throw new TelpherError('usage', 'give key or keyFile', { field: 'keyFile' })
  const from = key === undefined ? 'keyFile' : 'key'
  const wrong = (why: string): TelpherError => new TelpherError('usage', `${from}: ${why}`, { field: from })
  const text = key ?? (await readFile(keyFile ?? '', 'utf8').catch(() => ''))
  const own = privateKeyOf(text)
  if (own === undefined) throw wrong('not an Ed25519 private key in PEM that can be read')
  const servers = `${text}${serverKey}`.match(publicBlocks)?.flatMap((pem) => publicKeyOf(pem) ?? []) ?? []
  if (servers.length === 0) throw wrong('without the key of the servers: give serverKey, or enrol the producer anew (telpher producer add)')
  return { own, servers }
}

const privateKeyOf = (text: string): KeyObject | undefined => {
  try {
    const key = createPrivateKey(text)
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    // What the parser says may quote the key.
    return undefined
  }
}

/** What packages are sealed to: whoever writes to Redis could put a key of his own there. */
const trusted = (to: Signed | undefined, servers: readonly KeyObject[]): string => {
  if (to === undefined) throw new TelpherError('upload_refused', 'no server has said what packages are sealed to')
  if (!isSigned('package key', to, servers))
    throw new TelpherError('upload_refused', 'what packages are to be sealed to is not signed by the servers of this producer')
  return to.body
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code)

const deploymentOf = (answer: Answer): string => {
  if ('deployment' in answer) return answer.deployment
  const { code, message, field } = answer
  throw new TelpherError(isCode(code) ? code : 'internal', message, field === undefined ? {} : { field })
}

const runFrom = (store: Store, id: string): ProducerRun => {
  const detail = () => untilThrough(() => store.deployments.get(id))
  const { cancel: _, ...run } = runOf(
    {
      events: (of, { signal }) => store.events(of).read({ follow: true, signal }),
      deployment: detail,
      cancel: detail,
      log: async (of, jobId) => Array.fromAsync(store.logs({ deploymentId: of, jobId }).read({ follow: false })),
      followLog: (of, jobId, { signal }) => store.logs({ deploymentId: of, jobId }).read({ follow: true, signal }),
    },
    id,
  )
  return run
}

/**
 * A producer over the Redis of an installation.
 * @throws TelpherError usage that names the option; redis_unreachable, redis_version, redis_eviction, redis_persistence, store_newer,
 *   store_older
 */
export const openProducer = async (options: ProducerOptions): Promise<DeploymentProducer> => {
  const { name, redisUrl, storeRedisUrl = redisUrl, cwd = process.cwd() } = options
  const { own, servers } = await readKeys(options)
  const store = await openStore({
    url: redisUrl,
    storeUrl: storeRedisUrl,
    clientName: `producer-${name}`,
    migrates: false,
    program: { name: `producer ${name}`, onLeftBehind: () => void store.close() },
  })
  const uploaded = new Map<string, string>()
  /** Sealed to the servers. @returns the name of the package, the same as long as this process knows it */
  const upload = async (bytes: Uint8Array, sha256: string): Promise<string> => {
    const known = uploaded.get(sha256)
    if (known !== undefined && (await untilThrough(() => store.packages.has(known)))) return known
    const sealed = sealUpload(bytes, trusted(await untilThrough(() => store.packages.uploadTo()), servers))
    await untilThrough(() => store.packages.put(sealed))
    uploaded.set(sha256, sealed.id)
    return sealed.id
  }
  return {
    async deploy(given, { timeoutMs = 30_000 } = {}) {
      const { planned, request } = await planLocal(given, cwd)
      const value = hasValues(request)
      // Before anything is sent: Redis would have it in clear.
      if (value !== undefined) throw new TelpherError('secret_refused', `${value}: ${valuesInRedis}`, { field: value })
      const named = new Map<string, string>()
      for (const { bytes, sha256 } of planned) named.set(sha256, await upload(bytes, sha256))
      const steps = request.steps.map((step) => ({ ...step, package: named.get(step.package) ?? step.package }))
      const id = newId('sub')
      const waitMs = Math.min(timeoutMs, submissionMs)
      const signed = signSubmission({ version: 1, producer: name, id, expiresAt: Date.now() + waitMs, request: { ...request, steps } }, own)
      const answer = await store.inbox.submit({ producer: name, id, ...signed }, waitMs)
      if (answer === undefined)
        throw new TelpherError('wait_timed_out', `no server took the submission of ${name} within ${waitMs / 1000} s`)
      return runFrom(store, deploymentOf(answer))
    },
    async run(id) {
      await store.deployments.get(id)
      return runFrom(store, id)
    },
    close: () => store.close(),
  }
}
