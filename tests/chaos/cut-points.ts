import { seededRandom } from '../support/random.ts'
import { type Cut, type Direction, manners } from './cuttable.ts'

/**
 * What is cut: the container's stream at the worker, the engine's socket (attach and everything else that the engine is asked), the way of
 * gate and verifier to the API server, the ways of worker and server to Redis, and that of who follows the deployment and its log.
 */
export const streams = ['tether', 'engine', 'target', 'worker-redis', 'server-redis', 'follower'] as const
export type Stream = (typeof streams)[number]

/**
 * What is deployed. Three can end well: a few ConfigMaps, many, and a claim that is bound once the cut is on its way, a release. The others
 * cannot: kubectl ends badly after half of its objects, a quota refuses the pods, a claim stays unbound until the deadline, helm's last
 * object is refused.
 */
export const works = ['maps', 'many-maps', 'claim', 'release', 'broken', 'refused', 'unbound', 'broken-release'] as const
export type Work = (typeof works)[number]

/** Whether it can end well at all. */
export const canSucceed: Readonly<Record<Work, boolean>> = {
  maps: true,
  'many-maps': true,
  claim: true,
  release: true,
  broken: false,
  refused: false,
  unbound: false,
  'broken-release': false,
}

/** Every so often of 20. */
const chances: Readonly<Record<Work, number>> = {
  maps: 6,
  'many-maps': 2,
  claim: 3,
  release: 1,
  broken: 4,
  refused: 2,
  unbound: 1,
  'broken-release': 1,
}

/** One cut of one deployment. */
export interface CutPoint {
  readonly work: Work
  readonly stream: Stream
  readonly manner: Cut['manner']
  readonly direction: Direction
  /** `bytes`: after a share of what such a deployment usually sends there, so in any phase. `verifying`: among the next bytes once it is judged. */
  readonly when: 'bytes' | 'verifying'
  readonly share: number
  readonly stallMs: number
}

const worksByChance = works.flatMap((work) => Array.from({ length: chances[work] }, () => work))

/** Long enough, one time in eight, for a claim not to be believed and a worker to be called dead. */
const stallOf = (chance: number, length: number): number => Math.round(chance < 1 / 8 ? 8500 + length * 4000 : 50 + length * 1500)

/** Points that the seed gives, without end. @param has the streams that can be cut there */
export const cutPoints = function* (seed: number, has: readonly Stream[]): Generator<CutPoint, never> {
  const random = seededRandom(seed)
  const oneOf = <T>(all: readonly [T, ...T[]] | readonly T[]): T => all[Math.floor(random() * all.length)] as T
  for (;;) {
    const work = oneOf(worksByChance)
    const waits = work === 'claim' || work === 'unbound'
    // Once it is judged its container is gone; and what is asked then is asked already, so that only answers come.
    const when = waits && random() < 0.6 ? 'verifying' : 'bytes'
    const stream = oneOf(when === 'bytes' ? has : has.filter((one) => one !== 'tether' && one !== 'engine'))
    const direction = when === 'verifying' || random() < 0.5 ? 'down' : 'up'
    yield { work, stream, manner: oneOf(manners), direction, when, share: random(), stallMs: stallOf(random(), random()) }
  }
}

export const pointText = ({ work, stream, manner, direction, when, share }: CutPoint): string =>
  `${work}: ${stream} ${direction}, ${manner}, ${when === 'bytes' ? `at ${(share * 100).toFixed(1)} % of its bytes` : 'while verifying'}`
