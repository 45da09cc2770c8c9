import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TelpherError } from '../../model/errors.ts'
import type { RotationPlaces } from '../../model/rotationjournal.ts'
import type { Target } from '../../model/target.ts'

export interface PlaceTimes {
  /** How long a place is kept without a word, in ms. */
  readonly leaseMs: number
  /** No request is begun that could outlive the place: so long a request takes at most, in ms. */
  readonly requestMs: number
  /** How long a place is waited for, in ms. */
  readonly patienceMs: number
}

const placeTimes: PlaceTimes = { leaseMs: 30_000, requestMs: 12_000, patienceMs: 60_000 }
/** Between two questions for a place, in ms, and up to half as much more. */
const pauseMs = 40

/** The right to work in a cluster, until somebody else may have it. */
export interface Place {
  /** Whether a request that is begun now ends before that. */
  isHeld(): boolean
}

/** Does work in a place of a target's cluster. @param isUrgent before all of this server that are not */
export type Within = <T>(target: Pick<Target, 'clusterId'>, work: (place: Place) => Promise<T>, isUrgent?: boolean) => Promise<T>

interface Waiting {
  readonly holder: string
  readonly isUrgent: boolean
  readonly until: number
  /** @param heldUntil by the monotonic clock, in ms */
  readonly enter: (heldUntil: number) => void
  readonly refuse: (error: unknown) => void
}

/** The accounts of one cluster that wait here for a place: the first of them asks. */
const createLine = (places: RotationPlaces, clusterId: string, leaseMs: number) => {
  const waiting: Waiting[] = []
  let isAsking = false

  const askForFirst = async (): Promise<void> => {
    const now = performance.now()
    const [first] = waiting
    if (first === undefined) return
    const isIn = await places.take(clusterId, first.holder, leaseMs)
    // Another may stand before it by now.
    if (isIn) waiting.splice(waiting.indexOf(first), 1)
    if (isIn) return first.enter(now + leaseMs)
    for (const late of waiting.filter(({ until }) => until < now)) {
      waiting.splice(waiting.indexOf(late), 1)
      late.refuse(new TelpherError('rotation_place', 'other accounts of its cluster are being rotated'))
    }
    await sleep(pauseMs * (1 + Math.random() / 2))
  }
  const run = async (): Promise<void> => {
    isAsking = true
    try {
      while (waiting.length > 0) await askForFirst()
    } catch (error) {
      for (const { refuse } of waiting.splice(0)) refuse(error)
    } finally {
      isAsking = false
    }
  }
  return {
    isEmpty: () => waiting.length === 0,
    wait: (one: Waiting): void => {
      const at = one.isUrgent ? waiting.findIndex(({ isUrgent }) => !isUrgent) : -1
      waiting.splice(at === -1 ? waiting.length : at, 0, one)
      if (!isAsking) void run()
    },
  }
}

/**
 * @returns what does work in a place of its cluster, in the order in which it came. It throws TelpherError rotation_place when none was free for a
 * minute, and redis_*; a place that could not be kept is held no more, though the work goes on
 */
export const createWithin = (places: RotationPlaces, times: Partial<PlaceTimes> = {}): Within => {
  const { leaseMs, requestMs, patienceMs } = { ...placeTimes, ...times }
  const lines = new Map<string, ReturnType<typeof createLine>>()
  return async ({ clusterId }, work, isUrgent = false) => {
    const holder = randomUUID()
    const line = lines.get(clusterId) ?? createLine(places, clusterId, leaseMs)
    lines.set(clusterId, line)
    let heldUntil = await new Promise<number>((enter, refuse) => {
      line.wait({ holder, isUrgent, until: performance.now() + patienceMs, enter, refuse })
    })
    if (line.isEmpty()) lines.delete(clusterId)
    const keeping = setInterval(() => {
      const askedAt = performance.now()
      places.keep(clusterId, holder, leaseMs).then(
        (isKept) => {
          heldUntil = isKept ? askedAt + leaseMs : 0
        },
        () => {},
      )
    }, leaseMs / 6)
    try {
      return await work({ isHeld: () => performance.now() + requestMs < heldUntil })
    } finally {
      clearInterval(keeping)
      // What is not given back runs out.
      await places.leave(clusterId, holder).catch(() => {})
    }
  }
}
