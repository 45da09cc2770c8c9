import type { Credential } from '../../model/credential.ts'
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

/** A mode in which every attempt gets what the account itself has: nothing is minted, and nothing can be taken back. */
export const fixedMode = (
  options: FixedTarget & {
    readonly name: AccountMode
    readonly renewable: boolean
    /** The credential as it is now. */
    readonly credential: () => Promise<Credential>
  },
): Mode => ({
  name: options.name,
  revocable: false,
  renewable: options.renewable,
  mint: () => options.credential(),
  revoke: async () => {},
  outstanding: async () => [],
  async verify() {
    const connection = options.connect(await options.credential())
    try {
      return await whoIs({ server: options.server, connection })
    } finally {
      connection.close()
    }
  },
})
