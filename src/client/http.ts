import type { AccountState } from '../model/account.ts'
import type { AuditRecord } from '../model/audit.ts'
import type { ChainMark, ChainReport } from '../model/auditchain.ts'
import type { BackupSum } from '../model/backup.ts'
import type { CheckReport } from '../model/check.ts'
import type { KeyDropped, KeysRotated, MasterKeyUse } from '../model/credential.ts'
import type { Deployment, Job, LogLine, StoredEvent } from '../model/deployment.ts'
import type { ServerDoctorReport } from '../model/doctor.ts'
import type { Enrolled, Enrolment } from '../model/enrolment.ts'
import { TelpherError } from '../model/errors.ts'
import type { FederationNames } from '../model/federation.ts'
import type { Freeze, NewFreeze } from '../model/freeze.ts'
import type { ShownTarget } from '../model/health.ts'
import type { ImagePins } from '../model/image.ts'
import type { NewPoolState, PoolChange, PoolSettingsInput } from '../model/pool.ts'
import type { EnrolledProducer, NewProducer, Producer } from '../model/producer.ts'
import type { RunDiff } from '../model/rundiff.ts'
import type { PoolView, Scale } from '../model/scale.ts'
import type { Secret } from '../model/secret.ts'
import type { DeploymentRequestInput } from '../model/step.ts'
import type { SecretSummary } from '../model/stepsecret.ts'
import type { Target } from '../model/target.ts'
import type { SeenWorker } from '../model/worker.ts'
import { checkAnswer, jsonOf, unreachable } from './answer.ts'
import { followSse } from './sse.ts'

export interface Detail {
  readonly deployment: Deployment
  readonly jobs: readonly Job[]
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** Called when the connection was cut and is tried again. */
  readonly onCut?: () => void
}

/** A typed client of the HTTP API: each method is one request, errors are TelpherErrors with the server's code. */
export interface Client {
  readonly url: string
  uploadPackage(bytes: Uint8Array, sha256: string): Promise<void>
  /** @param key the same one starts the same deployment only once */
  deploy(request: DeploymentRequestInput, key: string): Promise<Detail>
  deployment(id: string): Promise<Detail>
  /** One page, newest first. @param filters as GET /v1/deployments takes them */
  deployments(
    limit: number,
    cursor?: string,
    filters?: Readonly<Record<string, string>>,
  ): Promise<{ readonly deployments: readonly Deployment[]; readonly next?: string }>
  /** A new deployment from an earlier one. @param key the same one starts the same deployment only once */
  again(id: string, verb: 'retry' | 'rerun' | 'rollback', key: string): Promise<Detail>
  diffRuns(a: string, b: string): Promise<RunDiff>
  /** What has happened so far. */
  history(id: string): Promise<readonly StoredEvent[]>
  /** Whether the server still has a package; asking counts as a use. */
  hasPackage(sha256: string): Promise<boolean>
  /** @param force its programs are killed without time to record what they did */
  cancel(id: string, force?: boolean): Promise<Detail>
  /** Events from the beginning and on until the deployment has finished; a cut connection is resumed. */
  events(id: string, options: FollowOptions): AsyncIterable<StoredEvent>
  /** @param query `from` or `tail`; every line when it is empty */
  log(id: string, jobId: string, query?: { readonly from?: number; readonly tail?: number }): Promise<readonly LogLine[]>
  /** Matching lines, at most 1000, with the true count. */
  searchLog(id: string, jobId: string, text: string): Promise<{ readonly matches: number; readonly lines: readonly LogLine[] }>
  /** The bytes of a log as they were written. */
  rawLog(id: string, jobId: string): Promise<AsyncIterable<Uint8Array>>
  followLog(id: string, jobId: string, options: FollowOptions): AsyncIterable<LogLine>
  targets(): Promise<readonly ShownTarget[]>
  target(name: string): Promise<ShownTarget>
  /** @throws TelpherError unknown_target, invalid_input */
  changeTarget(name: string, change: object): Promise<Target>
  addTarget(target: object): Promise<Target>
  removeTarget(name: string): Promise<void>
  /** How a target of that name is known in the mode federated. @throws TelpherError issuer_missing */
  issuerNames(name: string): Promise<FederationNames>
  startCheck(name: string): Promise<{ readonly id: string; readonly waitsFor?: string }>
  check(name: string, id: string): Promise<CheckReport | undefined>
  accounts(): Promise<readonly AccountState[]>
  /** @param target its name @throws TelpherError unknown_target */
  account(target: string): Promise<AccountState>
  /**
   * Asks for something of an account; what came of it is the `answer` of its state, once that has this id.
   * @param credential what is put in its place, to replace
   * @throws TelpherError unknown_target, rotation_refused, invalid_input
   */
  rotateAccount(target: string, kind: 'rotate' | 'revoke' | 'rollback' | 'replace', credential?: object): Promise<{ readonly id: string }>
  pins(): Promise<ImagePins>
  /** @param ids none takes the pin away */
  pinImage(image: string, ids: readonly string[]): Promise<ImagePins>
  /** Master keys, by what they are for. */
  keys(): Promise<readonly MasterKeyUse[]>
  /** Seals every account with the first key. */
  rotateKeys(): Promise<KeysRotated>
  /** Lets a key go that nothing is sealed with. @throws TelpherError key_seals, key_in_use, unknown_key */
  dropKey(kid: string): Promise<KeyDropped>
  producers(): Promise<readonly Producer[]>
  addProducer(producer: NewProducer): Promise<EnrolledProducer>
  removeProducer(name: string): Promise<void>
  enrolments(): Promise<readonly Enrolment[]>
  /** @param publicKey Ed25519 in PEM */
  enrolWorkers(pool: string, publicKey: string): Promise<Enrolled>
  revokeEnrolment(pool: string, fingerprint: string): Promise<void>
  /** A backup as it comes, packed. It is whole when its end was read. */
  backup(options: { readonly logs: boolean }): Promise<AsyncIterable<Uint8Array>>
  restore(packed: ReadableStream<Uint8Array>): Promise<BackupSum>
  /** How full Redis is, in sentences where it is getting so. */
  store(): Promise<{ readonly warnings: readonly string[] }>
  /** Whether the server answers at all, whatever it stands on. */
  alive(): Promise<void>
  /** One page of the record of who did what. @param query as GET /v1/audit takes it */
  audit(query: Readonly<Record<string, string>>): Promise<{ readonly records: readonly AuditRecord[]; readonly next?: string }>
  /** Whether that record is as it was written. @param expect `NUMBER:HASH` that was seen before */
  verifyAudit(expect?: string): Promise<ChainReport & { readonly head?: ChainMark }>
  /** What the server sees of itself and all behind it. */
  doctor(): Promise<ServerDoctorReport>
  workers(): Promise<WorkerList>
  pools(): Promise<readonly PoolView[]>
  /** @throws TelpherError unknown_pool */
  pool(name: string): Promise<PoolView>
  /** @throws TelpherError pool_exists, invalid_input */
  createPool(pool: PoolSettingsInput & { readonly name: string }): Promise<PoolView>
  /** @throws TelpherError invalid_input */
  changePool(name: string, change: PoolChange): Promise<PoolView>
  setPoolState(name: string, state: NewPoolState): Promise<PoolView>
  /** @throws TelpherError unknown_pool, pool_in_use */
  removePool(name: string): Promise<void>
  /** @throws TelpherError unknown_pool */
  scale(name: string): Promise<Scale>
  /** What may be shown of the stored secrets, by name. */
  secrets(): Promise<readonly SecretSummary[]>
  /** Seals a value, as the next version of its name. @throws TelpherError invalid_input, redis_full */
  setSecret(name: string, value: string): Promise<SecretSummary>
  /** @throws TelpherError unknown_secret */
  removeSecret(name: string): Promise<void>
  freezes(): Promise<readonly Freeze[]>
  /** @throws TelpherError unknown_target, invalid_input */
  freeze(asked: NewFreeze): Promise<Freeze>
  /** @throws TelpherError unknown_freeze */
  unfreeze(id: string): Promise<void>
  /** Asks the workers of a name to end when what they run has ended. @throws TelpherError unknown_worker */
  drainWorker(name: string): Promise<{ readonly workers: readonly SeenWorker[]; readonly now: number }>
}

/** The workers as they were last heard. */
export interface WorkerList {
  readonly workers: readonly SeenWorker[]
  /** The clock of Redis, ms since the epoch. */
  readonly now: number
  /** Version of the server; absent from one of an older version. */
  readonly version?: string
}

/** How long an answer may take, in ms; an upload may take longer, and a backup longer still. */
const answerMs = 30_000
const uploadMs = 300_000
const backupMs = 3_600_000

/**
 * @param url of the server, without a slash at the end
 * @param user how the caller calls itself, for the record of who did what
 */
export const createClient = (url: string, token: Secret, user?: string): Client => {
  const send = async (method: string, path: string, init: RequestInit = {}, timeoutMs = answerMs): Promise<Response> => {
    const headers = {
      accept: 'application/json',
      ...(user === undefined ? {} : { 'x-telpher-user': user }),
      ...(init.headers as Record<string, string>),
      authorization: `Bearer ${token.reveal()}`,
    }
    try {
      // A redirect is an answer of somebody else: the token does not go there.
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
        ...init,
        headers,
      })
      return await checkAnswer(response, url)
    } catch (thrown) {
      throw unreachable(thrown, url)
    }
  }
  const get = async <T>(path: string): Promise<T> => jsonOf<T>(await send('GET', path), url)
  const put = async <T>(method: 'PUT' | 'PATCH', path: string, body: object): Promise<T> =>
    jsonOf<T>(await send(method, path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }), url)
  const post = async <T>(path: string, body?: object, headers: Record<string, string> = {}): Promise<T> => {
    const response = await send('POST', path, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return jsonOf<T>(response, url)
  }
  const follow = async function* <T>(path: string, options: FollowOptions): AsyncGenerator<T> {
    const open = (after: string, signal: AbortSignal): Promise<Response> => {
      const place: Record<string, string> = after === '' ? {} : { 'last-event-id': after }
      return send('GET', path, { headers: { accept: 'text/event-stream', ...place }, signal })
    }
    for await (const { data } of followSse({ open, ...options })) yield JSON.parse(data) as T
  }
  const at = (id: string): string => `/v1/deployments/${encodeURIComponent(id)}`
  const targetAt = (name: string): string => `/v1/targets/${encodeURIComponent(name)}`
  const accountAt = (name: string): string => `/v1/accounts/${encodeURIComponent(name)}`
  const secretAt = (name: string): string => `/v1/secrets/${encodeURIComponent(name)}`
  const logAt = (id: string, jobId: string): string => `${at(id)}/jobs/${encodeURIComponent(jobId)}/log`

  return {
    url,
    async uploadPackage(bytes, sha256) {
      const isKnown = await send('HEAD', `/v1/packages/${sha256}`).then(
        () => true,
        () => false,
      )
      if (isKnown) return
      const digest = `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
      const headers = { 'content-type': 'application/octet-stream', 'content-digest': digest }
      await send('POST', '/v1/packages', { body: bytes as Uint8Array<ArrayBuffer>, headers }, uploadMs)
    },
    deploy: (request, key) => post('/v1/deployments', request, { 'idempotency-key': key }),
    deployment: (id) => get(at(id)),
    deployments: (limit, cursor, filters = {}) =>
      get(`/v1/deployments?${new URLSearchParams({ limit: String(limit), ...(cursor === undefined ? {} : { cursor }), ...filters })}`),
    again: (id, verb, key) => post(`${at(id)}/${verb}`, undefined, { 'idempotency-key': key }),
    diffRuns: (a, b) => get(`${at(a)}/diff?with=${encodeURIComponent(b)}`),
    history: async (id) => (await get<{ events: StoredEvent[] }>(`${at(id)}/events`)).events,
    hasPackage: async (sha256) => {
      try {
        await send('GET', `/v1/packages/${sha256}`)
        return true
      } catch (thrown) {
        if (thrown instanceof TelpherError && thrown.code === 'package_missing') return false
        throw thrown
      }
    },
    cancel: (id, force = false) => post(`${at(id)}/cancel${force ? '?force=true' : ''}`),
    events: (id, options) => follow(`${at(id)}/events`, options),
    log: async (id, jobId, { from, tail } = {}) => {
      const query = tail === undefined ? `after=${(from ?? 1) - 1}` : `tail=${tail}`
      return (await get<{ lines: LogLine[] }>(`${logAt(id, jobId)}?${query}`)).lines
    },
    searchLog: (id, jobId, text) => get(`${logAt(id, jobId)}/search?limit=1000&q=${encodeURIComponent(text)}`),
    rawLog: async (id, jobId) =>
      (await send('GET', logAt(id, jobId), { headers: { accept: 'text/plain' } }, uploadMs)).body ?? new ReadableStream(),
    followLog: (id, jobId, options) => follow(logAt(id, jobId), options),
    targets: async () => (await get<{ targets: ShownTarget[] }>('/v1/targets')).targets,
    target: (name) => get(targetAt(name)),
    addTarget: (target) => post('/v1/targets', target),
    changeTarget: (name, change) => put('PATCH', targetAt(name), change),
    issuerNames: (name) => get(`/v1/issuers/${encodeURIComponent(name)}`),
    async removeTarget(name) {
      await send('DELETE', targetAt(name))
    },
    startCheck: (name) => post(`${targetAt(name)}/checks`),
    async check(name, id) {
      const response = await send('GET', `${targetAt(name)}/checks/${encodeURIComponent(id)}`)
      return response.status === 202 ? undefined : await jsonOf<CheckReport>(response, url)
    },
    pins: async () => (await get<{ pins: ImagePins }>('/v1/images/pins')).pins,
    pinImage: async (image, ids) => {
      const response = await send('PUT', '/v1/images/pins', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image, ids }),
      })
      return (await jsonOf<{ pins: ImagePins }>(response, url)).pins
    },
    keys: async () => (await get<{ keys: MasterKeyUse[] }>('/v1/keys')).keys,
    dropKey: async (kid) => jsonOf(await send('DELETE', `/v1/keys/${encodeURIComponent(kid)}`, {}, uploadMs), url),
    rotateKeys: async () => jsonOf(await send('POST', '/v1/keys/rotate', {}, uploadMs), url),
    producers: async () => (await get<{ producers: Producer[] }>('/v1/producers')).producers,
    addProducer: (producer) => post('/v1/producers', producer),
    async removeProducer(name) {
      await send('DELETE', `/v1/producers/${encodeURIComponent(name)}`)
    },
    enrolments: async () => (await get<{ enrolments: Enrolment[] }>('/v1/enrolments')).enrolments,
    enrolWorkers: (pool, publicKey) => post(`/v1/pools/${encodeURIComponent(pool)}/enrolments`, { publicKey }),
    async revokeEnrolment(pool, fingerprint) {
      await send('DELETE', `/v1/pools/${encodeURIComponent(pool)}/enrolments/${encodeURIComponent(fingerprint)}`)
    },
    backup: async ({ logs }) => (await send('GET', `/v1/backup?logs=${logs}`, {}, backupMs)).body ?? new ReadableStream(),
    restore: async (packed) => {
      // A body that is a stream goes one way only (WHATWG fetch, duplex).
      const init = { headers: { 'content-type': 'application/zstd' }, body: packed, duplex: 'half' }
      return jsonOf(await send('POST', '/v1/restore', init as RequestInit, backupMs), url)
    },
    store: () => get('/v1/store'),
    alive: async () => {
      await get('/livez')
    },
    audit: (query) => get(`/v1/audit?${new URLSearchParams(query)}`),
    verifyAudit: (expect) => get(`/v1/audit/verify${expect === undefined ? '' : `?expect=${encodeURIComponent(expect)}`}`),
    doctor: () => get('/v1/doctor'),
    workers: () => get('/v1/workers'),
    pools: async () => (await get<{ pools: PoolView[] }>('/v1/pools')).pools,
    pool: (name) => get(`/v1/pools/${encodeURIComponent(name)}`),
    createPool: (pool) => post('/v1/pools', pool),
    changePool: (name, change) => put('PATCH', `/v1/pools/${encodeURIComponent(name)}`, change),
    setPoolState: (name, state) => put('PUT', `/v1/pools/${encodeURIComponent(name)}/state`, state),
    async removePool(name) {
      await send('DELETE', `/v1/pools/${encodeURIComponent(name)}`)
    },
    scale: (name) => get(`/v1/pools/${encodeURIComponent(name)}/scale`),
    secrets: async () => (await get<{ secrets: SecretSummary[] }>('/v1/secrets')).secrets,
    setSecret: async (name, value) => {
      const response = await send('PUT', secretAt(name), {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value }),
      })
      return jsonOf<SecretSummary>(response, url)
    },
    async removeSecret(name) {
      await send('DELETE', secretAt(name))
    },
    accounts: async () => (await get<{ accounts: AccountState[] }>('/v1/accounts')).accounts,
    account: (target) => get(accountAt(target)),
    rotateAccount: (target, kind, credential) =>
      post(`${accountAt(target)}/rotations`, { kind, ...(credential === undefined ? {} : { credential }) }),
    freezes: async () => (await get<{ freezes: Freeze[] }>('/v1/freezes')).freezes,
    freeze: (asked) => post('/v1/freezes', asked),
    async unfreeze(id) {
      await send('DELETE', `/v1/freezes/${encodeURIComponent(id)}`)
    },
    drainWorker: (name) => post(`/v1/workers/${encodeURIComponent(name)}/drain`),
  }
}
