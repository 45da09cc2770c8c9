import type { Duplex } from 'node:stream'
import { TelpherError } from '../model/errors.ts'
import type { PipeRequest } from '../model/pipe.ts'
import type { Endpoint, PipeEnd } from './endpoint.ts'
import { createLine, type Line } from './line.ts'

/** A worker that has not answered after so long, in ms, is asked no more alone. */
const patienceMs = 1000
/** Between two looks for workers where there are none to ask, in ms. */
const againMs = 250
/** A worker that did not answer is asked last for so long, in ms. */
const suspectMs = 10_000

/** A worker that may carry pipes. */
export interface Carrier {
  readonly id: string
  readonly isDraining: boolean
}

export interface DialerOptions {
  readonly endpoint: Endpoint
  readonly pool: string
  /** The workers of the pool that were heard of late. @throws TelpherError redis_* */
  readonly carriers: () => Promise<readonly Carrier[]>
  /** How long a worker that accepts is looked for, in ms; 5000 when absent. */
  readonly searchMs?: number
}

interface Dialling extends DialerOptions {
  readonly suspects: Map<string, number>
}

/** @param asked when each may be asked again */
const next = (
  carriers: readonly Carrier[],
  asked: ReadonlyMap<string, number>,
  suspects: ReadonlyMap<string, number>,
): string | undefined => {
  const now = performance.now()
  const rank = ({ id, isDraining }: Carrier): number => ((suspects.get(id) ?? 0) > now ? 2 : 0) + (isDraining ? 1 : 0) + Math.random() / 2
  const left = carriers.filter(({ id }) => (asked.get(id) ?? 0) <= now).map((carrier) => ({ id: carrier.id, rank: rank(carrier) }))
  return left.reduce<(typeof left)[number] | undefined>((best, one) => (best === undefined || one.rank < best.rank ? one : best), undefined)
    ?.id
}

/** Asks workers until one accepts: it then has the line. The next one is asked when the last one refused or is slow. */
const search = async (request: PipeRequest, line: Line, isGivenUp: () => boolean, using: Dialling): Promise<void> => {
  const { endpoint, pool, carriers, suspects, searchMs = 5000 } = using
  const asked = new Map<string, number>()
  const open = new Map<string, PipeEnd>()
  let winner: string | undefined
  let last: Error | undefined
  let turn = Promise.withResolvers<void>()
  const wait = async (ms: number): Promise<void> => {
    const timer = setTimeout(() => turn.resolve(), ms)
    await turn.promise
    clearTimeout(timer)
    turn = Promise.withResolvers()
  }

  const ask = (worker: string): void => {
    asked.set(worker, Number.POSITIVE_INFINITY)
    const end = endpoint.open(worker, request, {
      accepted() {
        if (winner !== undefined || isGivenUp() || !open.has(worker)) return end.reset()
        winner = worker
        suspects.delete(worker)
        open.delete(worker)
        line.attach(end)
        turn.resolve()
      },
      opened: () => (winner === worker ? line.start() : undefined),
      data: (chunk) => (winner === worker ? line.events.data(chunk) : undefined),
      credit: (bytes) => (winner === worker ? line.events.credit(bytes) : undefined),
      end: () => (winner === worker ? line.events.end() : undefined),
      reset(why) {
        if (winner === worker) return line.events.reset(why)
        // One that has just started is not found yet.
        asked.set(worker, performance.now() + againMs)
        open.delete(worker)
        last = why
        turn.resolve()
      },
    })
    open.set(worker, end)
  }

  const until = performance.now() + searchMs
  await Promise.race([endpoint.ready, wait(searchMs)])
  while (winner === undefined && !isGivenUp() && performance.now() < until) {
    const worker = next(await carriers(), asked, suspects)
    if (worker !== undefined) ask(worker)
    await wait(worker === undefined ? againMs : patienceMs)
    if (worker !== undefined && winner === undefined) suspects.set(worker, performance.now() + suspectMs)
  }
  for (const end of open.values()) end.reset()
  if (winner !== undefined || isGivenUp()) return
  throw noWorker(pool, asked.size, last)
}

const noWorker = (pool: string, asked: number, last: Error | undefined): TelpherError => {
  const found = asked === 0 ? `no worker of pool ${pool} is heard` : `none of ${asked} workers of pool ${pool} answers`
  return new TelpherError('pipe_no_worker', `${found}${last === undefined ? '' : ` (${last.message})`}; nothing was sent`)
}

/**
 * Opens pipes through workers of a pool.
 * @returns a function that gives a connection at once, as node:net does: what is written waits until it stands; it is destroyed with
 *   TelpherError pipe_no_worker, pipe_refused, pipe_cut, redis_*, or with the system's error of the worker's connection
 */
export const createDialer = (options: DialerOptions): ((request: PipeRequest) => Duplex) => {
  const using: Dialling = { ...options, suspects: new Map() }
  return (request) => {
    let isGivenUp = false
    const line = createLine(() => {
      isGivenUp = true
    })
    search(request, line, () => isGivenUp, using).catch((error: unknown) =>
      line.fail(error instanceof Error ? error : new Error(String(error))),
    )
    return line.connection
  }
}
