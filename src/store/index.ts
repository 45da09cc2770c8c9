import type { JobRef } from '../model/deployment.ts'
import { newId } from '../model/ids.ts'
import { createAudit } from './audit/index.ts'
import { createBackup } from './backup/index.ts'
import { createBroker } from './broker.ts'
import { type Connection, connect } from './connection.ts'
import { createDeployments, targetsInUse } from './deployments.ts'
import { createEnrolments, createSigners } from './enrolments.ts'
import { createEvents } from './events.ts'
import { createFreezes } from './freezes.ts'
import { createGrants } from './grants.ts'
import { createHealth } from './health.ts'
import { createHoldings } from './holdings.ts'
import { createImages } from './images.ts'
import { createInbox, createProducers } from './inbox.ts'
import { inspectConnection } from './inspect.ts'
import { createClaims, createJobs } from './jobs.ts'
import { installationKey } from './keys.ts'
import { createLedger } from './ledger.ts'
import { createLocks } from './locks.ts'
import { logConnection, withinBudget } from './logbudget.ts'
import { createLog } from './logs.ts'
import { createMemory } from './memory.ts'
import { createPackages } from './packages.ts'
import { createPipeMail } from './pipes.ts'
import { createPools } from './pools.ts'
import { type KeptProgram, keepProgram } from './programs.ts'
import { createFixedCache } from './records.ts'
import { createReplicate } from './replicate.ts'
import { createChecks, createIdempotency } from './requests.ts'
import { ruleOf } from './retention.ts'
import { createRooms } from './rooms.ts'
import { createRotations } from './rotations.ts'
import { awaitSchema, ensureSchema, schemaVersion } from './schema.ts'
import { createSealed } from './sealed.ts'
import { createSecrets } from './secrets.ts'
import { createShed } from './shed.ts'
import { checkRedis } from './startcheck.ts'
import { createSweep } from './sweep.ts'
import { createAccounts, createTargets } from './targets.ts'
import type { JobLog, Store, StoreLimits, StoreOptions } from './types.ts'
import { createUses } from './uses.ts'
import { createWakes } from './wakes.ts'
import { createWorkers } from './workers.ts'

export { type AclUser, type AclVersion, aclUser, type RedisRole } from './acl.ts'
export type * from './audit/types.ts'
export { inspectRedis } from './inspect.ts'
export { memoryWarning } from './memory.ts'
export { isFull, isOutage, untilThrough } from './persist.ts'
export type * from './types.ts'

const dayMs = 86_400_000

const defaultLimits: StoreLimits = {
  deploymentMs: 90 * dayMs,
  deployments: 10_000,
  logMs: 30 * dayMs,
  packageMs: 120 * dayMs,
  packageGraceMs: 3_600_000,
  idempotencyMs: dayMs,
  checkMs: 600_000,
  workerMs: 3_600_000,
  logHeadBytes: 8_000_000,
  logTailBytes: 8_000_000,
  events: 10_000,
  auditMs: 365 * dayMs,
  auditRecords: 200_000,
}

/**
 * Connects to Redis and checks that it keeps what it is given: version 6.2 or newer, no eviction, append-only file.
 * Data of an older version is taken to this one first, by whoever `migrates`, and waited for by others.
 * @throws TelpherError redis_unreachable, redis_timeout, redis_version, redis_eviction, redis_persistence, store_newer, store_older,
 *   store_migrating, store_in_use
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { url, storeUrl, clientName, log = () => {}, timeoutMs = 5000, onChange = () => {}, migrates = true, program } = options
  const given: StoreLimits = { ...defaultLimits, ...options.limits }
  const limits: StoreLimits = { ...given, packageMs: Math.max(given.packageMs, given.deploymentMs + 30 * dayMs) }
  const logLimits: StoreLimits = { ...limits, deploymentMs: limits.logMs }
  const name = clientName === undefined ? {} : { clientName }
  const connection = connect({ url, timeoutMs, log, ...name })
  // Logs and packages may lie in another Redis; what a log asks about its job is answered by the one of the states.
  const isSplit = storeUrl !== undefined && storeUrl !== url
  const store = isSplit
    ? connect({ url: storeUrl, timeoutMs, log, ...name, elsewhere: (key) => (ruleOf(key)?.redis === 'state' ? connection : undefined) })
    : connection
  let kept: KeptProgram | undefined
  const close = async (): Promise<void> => {
    await kept?.stop()
    await Promise.all([connection.close(), ...(isSplit ? [store.close()] : [])])
  }
  try {
    await Promise.all([checkRedis(connection, log), ...(isSplit ? [checkRedis(store, log)] : [])])
    await (migrates ? ensureSchema({ connection, store, limits }, { log }) : awaitSchema(connection, { log }))
    if (program !== undefined) kept = await keepProgram(connection, { known: schemaVersion, ...program })
  } catch (error) {
    await close()
    throw error
  }
  const wakes = createWakes(connection)
  const replicate = createReplicate(connection, connection.wait, log)
  const replicateStore = isSplit ? createReplicate(store, store.wait, log) : replicate
  const fixed = createFixedCache(connection)
  const memory = createMemory(
    isSplit
      ? [
          ['state', connection],
          ['store', store],
        ]
      : [['store', connection]],
  )
  const logs = (ref: JobRef): JobLog => {
    const of = logConnection(store)
    return withinBudget(createLog(of.connection, logLimits, ref), of, memory)
  }
  const uses = createUses(connection)
  const lastWord = (ref: JobRef): JobLog => {
    const of = logConnection(store)
    of.useReserve()
    return createLog(of.connection, logLimits, ref)
  }
  return {
    targets: createTargets(connection, () => targetsInUse(connection)),
    accounts: createAccounts(connection),
    grants: createGrants(connection),
    packages: createPackages(store, connection, limits, replicateStore),
    deployments: createDeployments(connection, limits, wakes, replicate),
    jobs: createJobs(connection, limits, wakes, fixed, onChange),
    claims: createClaims(connection),
    workers: createWorkers(connection, limits),
    checks: createChecks(connection, limits),
    health: createHealth(connection),
    uses,
    images: createImages(connection),
    freezes: createFreezes(connection),
    pools: createPools(connection),
    rooms: createRooms(connection),
    rotations: createRotations(connection),
    secrets: createSecrets(connection),
    producers: createProducers(connection),
    enrolments: createEnrolments(connection),
    signers: createSigners(connection),
    sealed: createSealed(connection, store),
    broker: createBroker(connection),
    inbox: createInbox(connection),
    idempotency: createIdempotency(connection, limits),
    locks: createLocks(connection),
    holdings: createHoldings(connection),
    wakes,
    sweep: { ...createSweep(connection, store, limits), logs: createShed(connection, store, memory, lastWord) },
    memory,
    audit: createAudit(connection, limits, fixed, uses.note),
    backup: createBackup({ connection, store, limits }, memory),
    schema: schemaVersion,
    events: (deploymentId) => createEvents(connection, limits, deploymentId),
    logs,
    ledger: (ref) => createLedger(connection, limits, ref),
    pipes: (pool) => createPipeMail(connection, pool),
    installation: () => installationId(connection),
    isSplit,
    inspect: (redis) => inspectConnection(redis === 'state' ? connection : store),
    ping: async () => {
      await Promise.all([connection, ...(isSplit ? [store] : [])].map(({ call }) => call((redis) => redis.ping())))
    },
    commandsSent: () => connection.sent() + (isSplit ? store.sent() : 0),
    reconnects: () => connection.reconnects() + (isSplit ? store.reconnects() : 0),
    close,
  }
}

const installationId = async (connection: Connection): Promise<string> => {
  await connection.call((redis) => redis.set(installationKey, newId('srv'), 'NX'))
  return (await connection.call((redis) => redis.get(installationKey))) ?? ''
}
