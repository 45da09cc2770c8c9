import type { Credential, SealedRecord } from '../model/credential.ts'
import type { AttemptRef } from '../model/deployment.ts'
import type { Cluster, GrantRecords, Grants } from '../model/ports.ts'
import { isRevocable, type Target } from '../model/target.ts'
import { openAccount } from './account.ts'
import { type FenceTimes, proveRefused } from './fence.ts'
import type { Keyring, MasterKey } from './keyfile.ts'
import type { Mode } from './modes/mode.ts'
import { modeOf } from './modes/of.ts'
import { seal, unseal } from './seal.ts'

export interface BrokerOptions {
  /** Reads the sealed record of an account. */
  readonly readAccount: (id: string) => Promise<SealedRecord>
  readonly records: GrantRecords
  readonly key: MasterKey & Partial<Keyring>
  readonly cluster: Cluster
  /** The id of this installation, for the labels of what is made in clusters. */
  readonly installation: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where the token of this process's own pod lies. */
  readonly tokenFile?: string
  readonly now?: () => number
  readonly fenceTimes?: FenceTimes
}

/** A minute after its tokens are dead a record is of no use, whatever the clocks say. */
const recordSpareMs = 60_000
/** What no deployment of ours has may be of one that begins, or of a check: it is left for so long. */
const unknownMs = 300_000

const recordId = ({ jobId, attempt }: AttemptRef): string => `${jobId}/${attempt}`

const tokenOf = (credential: Credential): string | undefined => (credential.kind === 'bearer' ? credential.token.reveal() : undefined)

/**
 * The broker behind its final interface, in this process: it opens the target's account with the master key, and mints from it.
 * Modes are kept by account, and so are the connections that they mint over.
 */
export const localGrants = (options: BrokerOptions): Grants => {
  const { readAccount, records, key, cluster, installation, env = process.env, now = Date.now } = options
  const modes = new Map<string, Mode>()

  const open = async (target: Target): Promise<Mode> => {
    const { account } = target
    const opened = openAccount(account, unseal(key, await readAccount(account.id), account.id), now())
    // Addresses and trust may be changed: what was connected by the old ones must not go on.
    const name = [account.id, account.fingerprint, target.server, target.alternates, target.tlsServerName, target.ca].join(' ')
    const known = modes.get(name)
    if (known !== undefined) return known
    const mode = modeOf(opened, {
      server: target.server,
      connect: (credential) => cluster.connect(target, credential),
      installation,
      env,
      ...(options.tokenFile === undefined ? {} : { tokenFile: options.tokenFile }),
    })
    modes.set(name, mode)
    return mode
  }

  /** Who fences this attempt later shows that these are refused. */
  const note = async (attempt: AttemptRef, tokens: readonly string[], lifeMs: number): Promise<void> => {
    const record = seal(key, { type: 'grant', id: recordId(attempt), version: 1, plaintext: JSON.stringify(tokens) })
    await records.put(attempt, record, lifeMs + recordSpareMs)
  }
  const noted = async (attempt: AttemptRef): Promise<readonly string[]> => {
    const record = await records.get(attempt)
    return record === undefined ? [] : (JSON.parse(unseal(key, record, recordId(attempt))) as string[])
  }

  return {
    async grant(target, attempt, lifetimeMs) {
      const mode = await open(target)
      let tokens: readonly string[] = []
      let ended = false
      const mint = async (): Promise<Credential> => {
        const credential = await mode.mint(attempt, lifetimeMs)
        const token = tokenOf(credential)
        // An attempt that ended meanwhile took its Secret with it, unless it was made after that.
        if (ended) await mode.revoke(attempt)
        else if (mode.revocable && token !== undefined) {
          tokens = [token, ...tokens].slice(0, 2)
          await note(attempt, tokens, (credential.expiresAt ?? now() + lifetimeMs) - now())
        }
        return credential
      }
      return {
        credential: await mint(),
        renewable: mode.renewable,
        renew: mint,
        async end() {
          ended = true
          if (!mode.revocable) return
          await mode.revoke(attempt)
          await records.remove(attempt)
        },
      }
    },
    async fence(target, attempt) {
      const mode = await open(target)
      if (!mode.revocable) return
      const tokens = await noted(attempt)
      await mode.revoke(attempt)
      await proveRefused(target, cluster, tokens, options.fenceTimes)
      await records.remove(attempt)
    },
    async sweep(target, isOver) {
      if (!isRevocable(target.account.mode)) return 0
      const mode = await open(target)
      let swept = 0
      for (const { attempt, ageMs } of await mode.outstanding()) {
        const over = await isOver(attempt)
        if (over === false || (over === 'unknown' && ageMs < unknownMs)) continue
        await mode.revoke(attempt)
        await records.remove(attempt)
        swept++
      }
      return swept
    },
  }
}
