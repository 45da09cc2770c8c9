import type { JobRef } from './deployment.ts'

/** A worker's word about itself, renewed every heartbeat. */
export interface WorkerRecord {
  /** An id of its own for each start: a restarted worker is another worker. */
  readonly id: string
  readonly name: string
  readonly pool: string
  readonly version: string
  /** The newest version of envelopes that it understands; 1 where a worker of an older version does not say. */
  readonly envelope?: number
  /** How it runs steps; `docker` where a worker of an older version does not say. */
  readonly executor?: 'docker' | 'process'
  readonly state: 'available' | 'busy' | 'draining'
  readonly concurrency: number
  readonly startedAt: number
  /** Its own clock at this word, ms since the epoch; absent from workers of an older version. */
  readonly at?: number
  /** The attempts it holds, since when by its own clock, each with the number of its writes that are open at the API server. */
  readonly attempts: readonly (JobRef & { readonly attempt: number; readonly openWrites: number; readonly since?: number })[]
  /** Why it takes no work; absent when it does. */
  readonly takesNone?: string
  /** Containers that wait for a job, and jobs that found one waiting or had to wait for one. */
  readonly containers?: { readonly waiting: number; readonly warm: number; readonly cold: number }
  /** The longest that its event loop stood in the last second, in ms. */
  readonly loopMs?: number
}

const partsOf = (version: string): readonly number[] => version.split(/[-+]/)[0]?.split('.').map(Number) ?? []

/** Whether one version comes before another, by their numbers alone; what is no version comes before nothing. */
export const isOlderVersion = (version: string, than: string): boolean => {
  const [own, other] = [partsOf(version), partsOf(than)]
  const at = other.findIndex((part, index) => part !== own[index])
  return at >= 0 && (own[at] ?? 0) < (other[at] ?? 0)
}

/** A worker and when it was last heard, by the clock of Redis, in ms since the epoch. */
export type SeenWorker = WorkerRecord & { readonly seenAt: number }

/** The times by which a silent worker is judged (DESIGN sections 6 and 8), in ms. */
export const heartbeatMs = 2000
/** How long a renewed claim proves that the attempt is ours. */
export const claimMs = 8000
/** Silence after which a worker is called dead: longer than a claim, so that its gates have stopped by then. */
export const deadAfterMs = 10_000
/** The API server's own limit for a request (kube-apiserver --request-timeout): no write stays open longer. */
export const writeLimitMs = 60_000
/** How often a job is started whose workers die under it, before it is set aside. */
export const defaultMaxStarts = 5
