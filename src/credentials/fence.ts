import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Cluster } from '../model/ports.ts'
import { Secret } from '../model/secret.ts'
import type { Target } from '../model/target.ts'
import { isTaken } from './modes/who.ts'

/** Times of a proof, in ms. */
export interface FenceTimes {
  /** Between two questions. */
  readonly askMs: number
  /** Until it is given up. */
  readonly patienceMs: number
  /** What is waited out where there is no token to ask with. */
  readonly blindMs: number
}

/**
 * kube-apiserver remembers for 10 s that it took a token (pkg/kubeapiserver/options: TokenSuccessCacheTTL), counted from when it looked;
 * the rest is for its watch of Secrets.
 */
const defaultTimes: FenceTimes = { askMs: 500, patienceMs: 30_000, blindMs: 15_000 }

/**
 * Resolves when the API server refuses each of these tokens; where none is known, when it must.
 * @param tokens what the lost attempt had, revoked by now
 * @throws TelpherError fence_unproven when one is still taken after 30 s; target_* when the API server cannot be asked
 */
export const proveRefused = async (
  target: Target,
  cluster: Cluster,
  tokens: readonly string[],
  { askMs, patienceMs, blindMs }: FenceTimes = defaultTimes,
): Promise<void> => {
  if (tokens.length === 0) {
    await pause(blindMs)
    return
  }
  const end = performance.now() + patienceMs
  await Promise.all(
    tokens.map(async (token) => {
      const connection = cluster.connect(target, { id: 'fenced', kind: 'bearer', token: new Secret(token) })
      try {
        while (await isTaken({ server: target.server, connection })) {
          if (performance.now() > end)
            throw new TelpherError('fence_unproven', `${new URL(target.server).host} still takes a token whose Secret was deleted`)
          await pause(askMs)
        }
      } finally {
        connection.close()
      }
    }),
  )
}
