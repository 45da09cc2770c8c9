import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'

/** Which address of an API server was reached last: the next request begins there. */
export interface Turn {
  at: number
}

export const createTurn = (): Turn => ({ at: 0 })

/** Nothing was sent: the same request may go elsewhere. Who cannot prove to be the API server is no reason to try another one. */
const isUnreached = (thrown: unknown): boolean =>
  thrown instanceof TelpherError && (thrown.code === 'target_unreachable' || thrown.code === 'target_dns')

/**
 * One connection out of several to the same API server: a request that reached none of it goes to the next one, once to each.
 * @param connections with one credential and one trust
 * @param turn shared by all that go to the same addresses
 */
export const takingTurns = (connections: readonly ClusterConnection[], turn: Turn): ClusterConnection => {
  const [first] = connections
  if (first === undefined) throw new RangeError('no address')
  if (connections.length === 1) return first
  const inTurn = async <T>(ask: (connection: ClusterConnection) => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    const begun = turn.at
    for (let tried = 0; ; tried++) {
      const at = (begun + tried) % connections.length
      try {
        const answer = await ask(connections[at] ?? first)
        turn.at = at
        return answer
      } catch (thrown) {
        if (!isUnreached(thrown) || tried === connections.length - 1 || signal?.aborted === true) throw thrown
      }
    }
  }
  return {
    credentialId: first.credentialId,
    request: (asked) => inTurn((connection) => connection.request(asked), asked.signal),
    upgrade: (asked) => inTurn((connection) => connection.upgrade(asked), asked.signal),
    close() {
      for (const connection of connections) connection.close()
    },
  }
}
