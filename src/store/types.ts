import type { JobRef } from '../model/deployment.ts'
import type { RedisFacts } from '../model/doctor.ts'
import type { PipeMail } from '../model/pipe.ts'
import type { RotationJournal } from '../model/rotationjournal.ts'
import type { Audit } from './audit/types.ts'
import type { Holdings, Locks, Rooms, Wakes } from './types/admission.ts'
import type { Accounts, Broker, Enrolments, Grants, Producers, Sealed, Secrets, Signers } from './types/credentials.ts'
import type { DeploymentEvents, Deployments, Idempotency, Inbox, JobLedger, Jobs, Packages } from './types/deployments.ts'
import type { Backup, Memory, Sweep } from './types/keeping.ts'
import type { JobLog } from './types/logs.ts'
import type { Checks, Freezes, Health, Images, Targets, Uses } from './types/targets.ts'
import type { Claims, Pools, Workers } from './types/workers.ts'

export type * from './types/admission.ts'
export type * from './types/credentials.ts'
export type * from './types/deployments.ts'
export type * from './types/keeping.ts'
export type * from './types/logs.ts'
export type * from './types/options.ts'
export type * from './types/targets.ts'
export type * from './types/workers.ts'

export interface Store {
  readonly audit: Audit
  readonly backup: Backup
  readonly targets: Targets
  readonly accounts: Accounts
  readonly grants: Grants
  readonly packages: Packages
  readonly deployments: Deployments
  readonly jobs: Jobs
  readonly claims: Claims
  readonly workers: Workers
  readonly checks: Checks
  readonly health: Health
  readonly uses: Uses
  readonly images: Images
  readonly freezes: Freezes
  readonly pools: Pools
  readonly rooms: Rooms
  readonly rotations: RotationJournal
  readonly secrets: Secrets
  readonly producers: Producers
  readonly enrolments: Enrolments
  readonly signers: Signers
  readonly sealed: Sealed
  readonly broker: Broker
  readonly inbox: Inbox
  readonly idempotency: Idempotency
  readonly locks: Locks
  readonly holdings: Holdings
  readonly wakes: Wakes
  readonly sweep: Sweep
  readonly memory: Memory
  /** The version of what is stored. */
  readonly schema: number
  events(deploymentId: string): DeploymentEvents
  logs(ref: JobRef): JobLog
  ledger(ref: JobRef): JobLedger
  /** The letters between the ends of a pool's pipes. */
  pipes(pool: string): PipeMail
  /** The id of everything that shares this Redis, made by whoever asks first. */
  installation(): Promise<string>
  /**
   * What each Redis tells of itself, by what it holds: of one for everything, `state` only; of a cluster, each master.
   * @throws TelpherError redis_timeout, redis_unreachable
   */
  inspect(redis: 'state' | 'store'): Promise<RedisFacts[]>
  /** Whether logs and packages have a Redis of their own. */
  readonly isSplit: boolean
  /** Whether Redis answers. @throws TelpherError redis_timeout, redis_unreachable */
  ping(): Promise<void>
  /** Commands sent by this store so far. */
  commandsSent(): number
  /** How often a connection that broke was made again. */
  reconnects(): number
  /** Closes every connection and ends those who follow; what was emitted and not flushed may be lost. */
  close(): Promise<void>
}
