import type { Claim } from '../src/gate/index.ts'
import type { ClusterConnection } from '../src/model/ports.ts'

/** Without a proof of the claim a write is given up after this, in ms. */
const provenMs = 120_000
const reads: readonly string[] = ['GET', 'HEAD']

/**
 * The way by which a worker itself asks the target, beside its program: what it writes there (that a Helm revision has failed) waits for
 * the claim as at the gate, and bears the attempt's mark, by which the API server's own audit log tells attempts apart.
 * @throws TelpherError gate_superseded for a write when another attempt took over
 */
export const underClaim = (connection: ClusterConnection, claim: Pick<Claim, 'whenProven'>, mark: string): ClusterConnection => ({
  get credentialId() {
    return connection.credentialId
  },
  async request(asked) {
    if (reads.includes(asked.method)) return connection.request(asked)
    const late = AbortSignal.timeout(provenMs)
    await claim.whenProven(asked.signal === undefined ? late : AbortSignal.any([asked.signal, late]))
    return connection.request({ ...asked, headers: { ...asked.headers, 'user-agent': mark } })
  },
  upgrade: (asked) => connection.upgrade(asked),
  close: () => connection.close(),
})
