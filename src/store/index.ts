import { newId } from '../model/ids.ts'
import { type Connection, connect } from './connection.ts'
import { createDeployments, targetsInUse } from './deployments.ts'
import { createEvents } from './events.ts'
import { createImages } from './images.ts'
import { createClaims, createJobs } from './jobs.ts'
import { installationKey } from './keys.ts'
import { createLedger } from './ledger.ts'
import { createLocks } from './locks.ts'
import { createLog } from './logs.ts'
import { createPackages } from './packages.ts'
import { createFixedCache } from './records.ts'
import { createChecks, createIdempotency } from './requests.ts'
import { checkRedis } from './startcheck.ts'
import { createAccounts, createTargets } from './targets.ts'
import type { Store, StoreLimits, StoreOptions } from './types.ts'
import { createWakes } from './wakes.ts'
import { createWorkers } from './workers.ts'

export { createLogWriter } from './logwriter.ts'
export { isOutage, untilThrough } from './persist.ts'
export type * from './types.ts'

const dayMs = 86_400_000

const defaultLimits: StoreLimits = {
  deploymentMs: 14 * dayMs,
  packageMs: 30 * dayMs,
  idempotencyMs: dayMs,
  checkMs: 600_000,
  workerMs: 3_600_000,
  logHeadBytes: 8_000_000,
  logTailBytes: 8_000_000,
  events: 10_000,
}

/**
 * Connects to Redis and checks that it keeps what it is given: version 6.2 or newer, no eviction, append-only file.
 * @throws TelpherError redis_unreachable, redis_timeout, redis_version, redis_eviction, redis_persistence
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { url, clientName, log = () => {}, timeoutMs = 5000 } = options
  const limits: StoreLimits = { ...defaultLimits, ...options.limits }
  const connection = connect({ url, timeoutMs, log, ...(clientName === undefined ? {} : { clientName }) })
  try {
    await checkRedis(connection, log)
  } catch (error) {
    await connection.close()
    throw error
  }
  const wakes = createWakes(connection)
  const fixed = createFixedCache(connection)
  return {
    targets: createTargets(connection, () => targetsInUse(connection)),
    accounts: createAccounts(connection),
    packages: createPackages(connection, limits),
    deployments: createDeployments(connection, limits, wakes),
    jobs: createJobs(connection, limits, wakes, fixed),
    claims: createClaims(connection),
    workers: createWorkers(connection, limits),
    checks: createChecks(connection, limits),
    images: createImages(connection),
    idempotency: createIdempotency(connection, limits),
    locks: createLocks(connection),
    wakes,
    events: (deploymentId) => createEvents(connection, limits, deploymentId),
    logs: (ref) => createLog(connection, limits, ref),
    ledger: (ref) => createLedger(connection, limits, ref),
    installation: () => installationId(connection),
    ping: async () => {
      await connection.call((redis) => redis.ping())
    },
    commandsSent: connection.sent,
    close: connection.close,
  }
}

const installationId = async (connection: Connection): Promise<string> => {
  await connection.call((redis) => redis.set(installationKey, newId('srv'), 'NX'))
  return (await connection.call((redis) => redis.get(installationKey))) ?? ''
}
