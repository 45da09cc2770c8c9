import { seededRandom } from '../support/random.ts'

/** What is broken, and for how long, in ms. */
export type Fault =
  | {
      readonly kind: 'worker-kill' | 'server-kill' | 'apiserver-kill' | 'redis-kill' | 'docker-kill'
      readonly index: number
      readonly forMs: number
    }
  /** Longer than connections, watches and the first retries last. */
  | { readonly kind: 'apiserver-outage'; readonly index: number; readonly forMs: number }
  /** The replica of Redis serves after this; what was acknowledged in the second before is lost. */
  | { readonly kind: 'redis-failover'; readonly index: number; readonly forMs: number }
  /** The time of day of one process jumps, and jumps back; forward for an even number of ms. */
  | { readonly kind: 'worker-clock' | 'server-clock'; readonly index: number; readonly forMs: number }
  /** SIGSTOP, then SIGCONT: of a worker longer than its claim is believed. */
  | { readonly kind: 'worker-stop' | 'redis-stop'; readonly index: number; readonly forMs: number }
  /** Connections are cut and new ones refused; for an odd number of ms nothing passes, and nobody is told. */
  | {
      readonly kind: 'worker-redis-cut' | 'server-redis-cut' | 'worker-docker-cut' | 'target-cut'
      readonly index: number
      readonly forMs: number
    }
  /** The kernel ends it for want of memory; the worker comes back after this. */
  | { readonly kind: 'worker-oom'; readonly index: number; readonly forMs: number }
  /** The disk of the Docker engine is full. */
  | { readonly kind: 'docker-full'; readonly index: number; readonly forMs: number }
  | { readonly kind: 'client-kill' | 'container-kill' | 'container-oom'; readonly index: number; readonly forMs: 0 }

export interface TimedFault {
  /** After the load began, in ms. */
  readonly atMs: number
  readonly fault: Fault
}

/** Deployments of one run; each kind changes objects of its own. */
export const loads = ['maps', 'app', 'release', 'broken'] as const
export type Load = (typeof loads)[number]

export interface Plan {
  readonly seed: number
  /** What is deployed, and when after the beginning, in ms. */
  readonly load: readonly { readonly load: Load; readonly atMs: number }[]
  readonly faults: readonly TimedFault[]
}

export const workerCount = 4
export const serverCount = 2

type Kind = readonly [kind: Fault['kind'], count: number, leastMs: number, mostMs: number]

const usualKinds: readonly Kind[] = [
  ['worker-kill', workerCount, 0, 2000],
  ['worker-stop', workerCount, 11_000, 15_000],
  ['server-kill', serverCount, 0, 2000],
  ['redis-kill', 1, 0, 3000],
  ['redis-stop', 1, 500, 9000],
  ['worker-redis-cut', workerCount, 500, 12_000],
  ['target-cut', 1, 200, 4000],
  ['apiserver-kill', 1, 0, 3000],
  ['client-kill', 1, 0, 0],
  ['server-redis-cut', serverCount, 500, 12_000],
  ['redis-failover', 1, 0, 3000],
  ['docker-kill', 1, 0, 3000],
  ['worker-clock', workerCount, 2000, 8000],
  ['server-clock', serverCount, 2000, 8000],
  ['container-kill', 1, 0, 0],
  ['worker-docker-cut', workerCount, 500, 8000],
  ['worker-oom', workerCount, 0, 2000],
  ['container-oom', 1, 0, 0],
  ['docker-full', 1, 2000, 8000],
]

/** What makes a run longer than the others are: drawn half as often. */
const longKinds: readonly Kind[] = [['apiserver-outage', 1, 25_000, 30_000]]

const kinds = [...usualKinds, ...longKinds, ...usualKinds]

/** Every kind of fault that a plan may have. */
export const faultKinds: readonly Fault['kind'][] = [...usualKinds, ...longKinds].map(([kind]) => kind)

/**
 * What one run does: the same for the same seed. Every run deploys all loads; one run in three has two faults.
 * @param seed any whole number
 */
export const drawPlan = (seed: number): Plan => {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const drawFault = (): TimedFault => {
    const [kind, count, least, most] = kinds[below(kinds.length)] ?? ['client-kill', 1, 0, 0]
    // What was asked for in the second before a fail-over may be lost for good: by then everything has been.
    const atMs = below(3000) + (kind === 'redis-failover' ? 4000 : 0)
    return { atMs, fault: { kind, index: below(count), forMs: least + below(most - least + 1) } as Fault }
  }
  const load = loads.map((one) => ({ load: one, atMs: below(1500) })).sort((a, b) => a.atMs - b.atMs)
  const faults = Array.from({ length: below(3) === 0 ? 2 : 1 }, drawFault).sort((a, b) => a.atMs - b.atMs)
  return { seed, load, faults }
}

/** A plan in a line, for who looks on. */
export const planText = ({ faults }: Plan): string =>
  faults
    .map(({ atMs, fault: { kind, index, forMs } }) => `${kind} ${index} at ${atMs} ms${forMs === 0 ? '' : ` for ${forMs} ms`}`)
    .join(', ')
