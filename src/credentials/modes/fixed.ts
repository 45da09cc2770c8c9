import type { Credential } from '../../model/credential.ts'
import type { AttemptRef } from '../../model/deployment.ts'
import { newId } from '../../model/ids.ts'
import type { ClusterConnection } from '../../model/ports.ts'
import type { AccountMode } from '../../model/target.ts'
import type { Mode } from './mode.ts'
import { whoIs } from './who.ts'

/** What modes without calls of their own need of a target. */
export interface FixedTarget {
  /** Its address, for errors. */
  readonly server: string
  readonly connect: (credential: Credential) => ClusterConnection
}

/** A mode that makes nothing in the cluster for an attempt: nothing can be taken back there. */
export const fixedMode = (
  options: FixedTarget & {
    readonly name: AccountMode
    readonly renewable: boolean
    /** The credential as it is now. @throws TelpherError of the mode */
    readonly credential: (attempt: AttemptRef) => Promise<Credential>
  },
): Mode => ({
  name: options.name,
  revocable: false,
  renewable: options.renewable,
  mint: (attempt) => options.credential(attempt),
  revoke: async () => {},
  outstanding: async () => [],
  async verify() {
    const connection = options.connect(await options.credential({ deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }))
    try {
      return await whoIs({ server: options.server, connection })
    } finally {
      connection.close()
    }
  },
})
