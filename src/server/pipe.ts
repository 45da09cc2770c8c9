import { createConnector } from '../cluster/connection.ts'
import { newId } from '../model/ids.ts'
import type { Cluster } from '../model/ports.ts'
import type { Target } from '../model/target.ts'
import { deadAfterMs } from '../model/worker.ts'
import { type Carrier, createDialer, createEndpoint, type Endpoint } from '../pipe/index.ts'
import type { Store } from '../store/index.ts'

/** How long the list of workers serves those who dial at the same time, in ms. */
const listMs = 500
/** Between two looks for pools that nothing was asked through, in ms: their connections to Redis are closed. */
const idleMs = 60_000

/** Asked anew when it is older than this. */
const listed = <T>(ask: () => Promise<T>, forMs: number): (() => Promise<T>) => {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined
  return () => {
    if (last !== undefined && performance.now() - last.at < forMs) return last.answer
    const answer = ask()
    last = { at: performance.now(), answer }
    answer.catch(() => {
      last = undefined
    })
    return answer
  }
}

type Dial = ReturnType<typeof createDialer>

interface PoolPipes {
  readonly endpoint: Endpoint
  readonly dial: Dial
  usedAt: number
}

/**
 * Targets as a server reaches them: TLS of its own, from end to end, through workers of each target's pool, so that it needs no route to any.
 * @returns `close` ends what is open
 */
export const pipedCluster = ({
  store,
  log,
}: {
  readonly store: Pick<Store, 'pipes' | 'workers'>
  readonly log: (line: object) => void
}): Cluster & { close(): Promise<void> } => {
  const pools = new Map<string, PoolPipes>()
  const workers = listed(async () => ({ seen: await store.workers.list(), now: await store.workers.now() }), listMs)

  const carriersOf = (pool: string) => async (): Promise<Carrier[]> => {
    const { seen, now } = await workers()
    return seen
      .filter((worker) => worker.pool === pool && now - worker.seenAt < deadAfterMs)
      .map(({ id, state }) => ({ id, isDraining: state === 'draining' }))
  }

  const begin = (pool: string): PoolPipes => {
    const endpoint = createEndpoint({ id: newId('srv'), mail: store.pipes(pool), log })
    const begun = { endpoint, dial: createDialer({ endpoint, pool, carriers: carriersOf(pool) }), usedAt: 0 }
    pools.set(pool, begun)
    return begun
  }

  const closeIdle = (): void => {
    for (const [pool, { endpoint, usedAt }] of pools) {
      if (endpoint.count() > 0 || performance.now() - usedAt < idleMs) continue
      pools.delete(pool)
      endpoint.close().catch((error: unknown) => log({ level: 'warn', msg: 'closing pipes', error: String(error) }))
    }
  }
  const timer = setInterval(closeIdle, idleMs)
  timer.unref()

  const connect = createConnector<Target>({
    dial: (target) => {
      const pipes = pools.get(target.pool) ?? begin(target.pool)
      pipes.usedAt = performance.now()
      return pipes.dial({ target: target.name, server: target.server })
    },
    wayTo: ({ pool }) => pool,
  })
  return {
    connect,
    async close() {
      clearInterval(timer)
      await Promise.all([...pools.values()].map(({ endpoint }) => endpoint.close()))
    },
  }
}
