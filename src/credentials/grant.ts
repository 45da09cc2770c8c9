import type { Credential, SealedRecord } from '../model/credential.ts'
import type { AttemptRef } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Cluster, ClusterConnection, Given, GrantRecords, Minting } from '../model/ports.ts'
import { Secret } from '../model/secret.ts'
import { isRevocable, type Target } from '../model/target.ts'
import { mustNotBeExpired, type OpenAccount, openAccount } from './account.ts'
import { type FenceTimes, proveRefused } from './fence.ts'
import type { Keyring, MasterKey } from './keyfile.ts'
import type { Binding, Mode } from './modes/mode.ts'
import { modeOf } from './modes/of.ts'
import { seal, unseal } from './seal.ts'

export interface MintingOptions {
  /** Reads the sealed record of an account. */
  readonly readAccount: (id: string) => Promise<SealedRecord>
  readonly records: GrantRecords
  readonly key: MasterKey & Partial<Keyring>
  readonly cluster: Cluster
  /** The id of this installation, for the labels of what is made in clusters. */
  readonly installation: string
  readonly now?: () => number
  readonly fenceTimes?: FenceTimes
}

/** A minute after its tokens are dead a record is of no use, whatever the clocks say. */
const recordSpareMs = 60_000
/** What no deployment of ours has may be of one that begins, or of a check: it is left for so long. */
const unknownMs = 300_000

/** What was sealed has a nonce of its own: two records that are one text are one. */
const isSame = (one: SealedRecord, other: SealedRecord): boolean =>
  one.ciphertext === other.ciphertext &&
  one.wrappedKey === other.wrappedKey &&
  one.kid === other.kid &&
  one.id === other.id &&
  one.version === other.version

const recordId = ({ jobId, attempt }: AttemptRef): string => `${jobId}/${attempt}`

const tokenOf = (credential: Credential): string | undefined => (credential.kind === 'bearer' ? credential.token.reveal() : undefined)

/** What an attempt was given, as it is noted: who fences it shows that its tokens are refused, and who renews goes on with its Secret. */
interface Note {
  readonly uid: string
  /** The last two, the newest first. */
  readonly tokens: readonly string[]
  /** Of the newest. */
  readonly id?: string
  readonly expiresAt?: number
}

/**
 * Mints from accounts, which it opens with the master key. All that must be known of an attempt later is noted beside its deployment, so
 * that any other server goes on. Modes are kept by account, and so are the connections that they mint over.
 */
export const createMinting = (options: MintingOptions): Minting => {
  const { readAccount, records, key, cluster, installation, now = Date.now } = options
  const modes = new Map<string, { readonly account: Omit<OpenAccount, 'plain'>; readonly record: SealedRecord; readonly mode: Mode }>()

  /** The mode of the version that is used now, which may be another one than when the target was read. */
  const open = async (target: Target): Promise<Mode> => {
    const { account } = target
    // Addresses and trust may be changed: what was connected by the old ones must not go on.
    const name = [account.id, target.server, target.alternates, target.tlsServerName, target.ca].join(' ')
    const known = modes.get(name)
    const record = await readAccount(account.id).catch((thrown: unknown) => {
      // What runs goes on with what it has while Redis is away.
      if (known === undefined || !(thrown instanceof TelpherError) || !thrown.code.startsWith('redis_')) throw thrown
      return known.record
    })
    // The very record that was opened before: only its time may be over.
    if (known !== undefined && isSame(known.record, record) && known.account.id === account.fingerprint) {
      mustNotBeExpired(known.account, now())
      return known.mode
    }
    const { plain, ...opened } = openAccount(account, unseal(key, record, account.id), now(), record.version)
    const connect = (credential: Credential): ClusterConnection => cluster.connect(target, credential)
    const mode =
      known?.account.id === opened.id ? known.mode : modeOf({ plain, ...opened }, { server: target.server, connect, installation, env: {} })
    modes.set(name, { account: opened, record, mode })
    return mode
  }
  /** What is refused because the account was rotated in between is done with its next version. */
  const through = async <T>(target: Target, work: (mode: Mode) => Promise<T>): Promise<T> => {
    const mode = await open(target)
    try {
      return await work(mode)
    } catch (thrown) {
      if (!(thrown instanceof TelpherError) || thrown.code !== 'target_unauthorized') throw thrown
      const again = await open(target)
      if (again === mode) throw thrown
      return work(again)
    }
  }

  const note = async (attempt: AttemptRef, noted: Note, lifeMs: number): Promise<void> => {
    const record = seal(key, { type: 'grant', id: recordId(attempt), version: 1, plaintext: JSON.stringify(noted) })
    await records.put(attempt, record, lifeMs + recordSpareMs)
  }
  const noted = async (attempt: AttemptRef): Promise<Note | undefined> => {
    const record = await records.get(attempt)
    return record === undefined ? undefined : (JSON.parse(unseal(key, record, recordId(attempt))) as Note)
  }

  const mint = async (mode: Mode, attempt: AttemptRef, lifetimeMs: number, before: Note | undefined): Promise<Given> => {
    if (!mode.revocable) return { credential: await mode.mint(attempt, lifetimeMs), renewable: mode.renewable }
    let uid = before?.uid
    const binding: Binding = {
      uid,
      async note(made) {
        uid = made
        await note(attempt, { uid: made, tokens: [] }, lifetimeMs)
      },
    }
    const credential = await mode.mint(attempt, lifetimeMs, binding).catch(async (thrown: unknown) => {
      // What was made for it went with the failure.
      if (before === undefined) await records.remove(attempt)
      throw thrown
    })
    const { id, expiresAt = now() + lifetimeMs } = credential
    const tokens = [tokenOf(credential) ?? '', ...(before?.tokens ?? [])].slice(0, 2)
    await note(attempt, { uid: uid ?? '', tokens, id, expiresAt }, expiresAt - now())
    return { credential, renewable: mode.renewable }
  }

  /** A request that is repeated gets what it had: its answer was lost, or the server that minted. */
  const again = (before: Note | undefined, lifetimeMs: number): Credential | undefined => {
    const [token] = before?.tokens ?? []
    const { id, expiresAt = 0 } = before ?? {}
    if (token === undefined || id === undefined || expiresAt - now() < lifetimeMs / 2) return undefined
    return { id, kind: 'bearer', token: new Secret(token), expiresAt }
  }

  const notedOf = async (target: Target, attempt: AttemptRef): Promise<Note | undefined> =>
    isRevocable(target.account.mode) ? noted(attempt) : undefined

  return {
    async grant(target, attempt, lifetimeMs) {
      if (target.account.mode === 'in-cluster') return 'use-own'
      const [mode, before] = await Promise.all([open(target), notedOf(target, attempt)])
      const known = again(before, lifetimeMs)
      if (known !== undefined) return { credential: known, renewable: mode.renewable }
      return through(target, (used) => mint(used, attempt, lifetimeMs, before))
    },
    async renew(target, attempt, lifetimeMs) {
      if (target.account.mode === 'in-cluster') return 'use-own'
      const [mode, before] = await Promise.all([open(target), notedOf(target, attempt)])
      if (mode.revocable && before === undefined) throw new TelpherError('grant_revoked', 'the credential of this attempt was revoked')
      return through(target, (used) => mint(used, attempt, lifetimeMs, before))
    },
    async end(target, attempt) {
      if (!isRevocable(target.account.mode)) return
      await through(target, (mode) => mode.revoke(attempt))
      await records.remove(attempt)
    },
    async fence(target, attempt) {
      if (!isRevocable(target.account.mode)) return
      const tokens = (await noted(attempt))?.tokens ?? []
      await through(target, (mode) => mode.revoke(attempt))
      await proveRefused(target, cluster, tokens, options.fenceTimes)
      await records.remove(attempt)
    },
    async sweep(target, isOver) {
      if (!isRevocable(target.account.mode)) return 0
      let swept = 0
      for (const { attempt, ageMs } of await through(target, (mode) => mode.outstanding())) {
        const over = await isOver(attempt)
        if (over === false || (over === 'unknown' && ageMs < unknownMs)) continue
        await through(target, (mode) => mode.revoke(attempt))
        await records.remove(attempt)
        swept++
      }
      return swept
    },
  }
}
