import { TelpherError } from '../src/model/errors.ts'
import type { ContainerSpec } from '../src/model/ports.ts'
import type { ReadyContainer } from './container.ts'
import { untilAborted } from './until-aborted.ts'

export interface WarmOptions {
  /** Starts a container of this spec and waits until it is ready. */
  readonly open: (spec: ContainerSpec, signal?: AbortSignal) => Promise<ReadyContainer>
  /** The most containers that wait for jobs of one image and spec. */
  readonly most: number
  /** Bytes of memory that are free on this machine. */
  readonly freeMemory: () => number
  /** A container could not be started ahead of its job; the job will say why if it is so then, too. */
  readonly onTrouble: (error: unknown) => void
  /** Monotonic clock, in ms. */
  readonly now?: () => number
}

export interface WarmCounts {
  /** Jobs that found a container waiting, and those that had to wait for one. */
  readonly warm: number
  readonly cold: number
  /** Containers that wait now. */
  readonly idle: number
}

/** Containers that wait at READY before any job is there: each is used once. */
export interface WarmPool {
  /**
   * A container for one job: one that waits, or one that is started for it.
   * @throws what the start throws; an aborted signal leaves nothing behind
   */
  take(spec: ContainerSpec, signal?: AbortSignal): Promise<ReadyContainer>
  /** Says that jobs of this spec are to be expected. */
  expect(spec: ContainerSpec): void
  counts(): WarmCounts
  /** Removes what waits; nothing is started any more. */
  close(): Promise<void>
}

/** A container that waited this long is replaced, in ms: its image may have been loaded anew. */
const longestWaitMs = 600_000
/** Arrivals are counted over this time, in ms. */
const windowMs = 10_000
/** Starting is left until the job that took a container has done most of its own start, in ms. */
const refillAfterMs = 1000

interface Shelf {
  readonly spec: ContainerSpec
  readonly idle: { readonly container: ReadyContainer; readonly since: number }[]
  arrivals: number[]
  /** A start that is under way. */
  starting: Promise<void> | undefined
  /** Whether jobs of it are to be expected at any time, and when the last one came. */
  expected: boolean
  takenAt: number
  timer: NodeJS.Timeout | undefined
}

/** Containers of other labels serve a job as well: everything else must be the same. */
const keyOf = ({ labels: _, ...spec }: ContainerSpec): string => JSON.stringify(spec)

/**
 * How many containers are to wait, from how often they were taken lately: one, and as many as come in a second.
 * @param arrivals how many came within the window
 */
export const wantedCount = (arrivals: number, most: number): number => Math.min(most, 1 + Math.floor((arrivals * 1000) / windowMs))

export const createWarmPool = ({ open, most, freeMemory, onTrouble, now = () => performance.now() }: WarmOptions): WarmPool => {
  const shelves = new Map<string, Shelf>()
  const closing = new AbortController()
  let [warm, cold] = [0, 0]

  const shelfOf = (spec: ContainerSpec): Shelf => {
    const key = keyOf(spec)
    const shelf = shelves.get(key) ?? {
      spec,
      idle: [],
      arrivals: [],
      starting: undefined,
      timer: undefined,
      expected: false,
      takenAt: Number.NEGATIVE_INFINITY,
    }
    shelves.set(key, shelf)
    return shelf
  }

  /** Drops what died or waited too long, and the count of what came too long ago. */
  const tidy = (shelf: Shelf): void => {
    const oldest = now() - longestWaitMs
    for (const entry of shelf.idle.filter(({ container, since }) => !container.alive || since < oldest)) {
      shelf.idle.splice(shelf.idle.indexOf(entry), 1)
      void entry.container.dispose()
    }
    shelf.arrivals = shelf.arrivals.filter((at) => at > now() - windowMs)
  }

  /** For an image that nobody came for lately, nothing waits. */
  const isWanted = ({ expected, takenAt }: Shelf): boolean => expected || takenAt > now() - longestWaitMs
  const mayStart = (shelf: Shelf): boolean =>
    !closing.signal.aborted &&
    isWanted(shelf) &&
    shelf.idle.length < wantedCount(shelf.arrivals.length, most) &&
    freeMemory() > 2 * shelf.spec.memoryBytes

  const startOne = async (shelf: Shelf): Promise<void> => {
    try {
      const container = await open(shelf.spec, closing.signal)
      if (closing.signal.aborted) await container.dispose()
      else shelf.idle.push({ container, since: now() })
    } catch (thrown) {
      if (!closing.signal.aborted) onTrouble(thrown)
    }
  }

  const refill = (shelf: Shelf): void => {
    tidy(shelf)
    if (shelf.starting !== undefined || !mayStart(shelf)) return
    const before = shelf.idle.length
    shelf.starting = startOne(shelf).finally(() => {
      shelf.starting = undefined
      // One after the other, and none after trouble: the next job asks again.
      if (shelf.idle.length > before) refill(shelf)
    })
  }

  const refillSoon = (shelf: Shelf): void => {
    clearTimeout(shelf.timer)
    shelf.timer = setTimeout(() => refill(shelf), refillAfterMs).unref()
  }

  const renewing = setInterval(() => {
    for (const shelf of shelves.values()) refill(shelf)
  }, longestWaitMs / 10).unref()

  return {
    async take(spec, signal) {
      const shelf = shelfOf(spec)
      tidy(shelf)
      shelf.arrivals.push(now())
      shelf.takenAt = now()
      refillSoon(shelf)
      // One that is being started is ready sooner than another that is started now.
      if (shelf.idle.length === 0 && shelf.starting !== undefined) await untilAborted(shelf.starting, signal)
      signal?.throwIfAborted()
      const found = shelf.idle.pop()
      if (found?.container.alive === true) {
        warm++
        return found.container
      }
      cold++
      return open(spec, signal)
    },
    expect(spec) {
      if (closing.signal.aborted) throw new TelpherError('internal', 'the pool of containers is closed')
      const shelf = shelfOf(spec)
      shelf.expected = true
      refill(shelf)
    },
    counts: () => ({ warm, cold, idle: [...shelves.values()].reduce((sum, { idle }) => sum + idle.length, 0) }),
    async close() {
      closing.abort()
      clearInterval(renewing)
      for (const { timer } of shelves.values()) clearTimeout(timer)
      const waiting = [...shelves.values()].flatMap(({ idle }) => idle.splice(0))
      await Promise.all([...waiting.map(({ container }) => container.dispose()), ...[...shelves.values()].map(({ starting }) => starting)])
    },
  }
}
