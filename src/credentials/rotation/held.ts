import type { AuditEntry } from '../../model/audit.ts'
import type { SealedRecord } from '../../model/credential.ts'
import { TelpherError, toTelpherError } from '../../model/errors.ts'
import type { Cluster, ClusterConnection } from '../../model/ports.ts'
import type { Refused } from '../../model/refused.ts'
import { type Rotation, type RotationAnswer, type RotationEvent, rotate } from '../../model/rotation.ts'
import type { RotationJournal, RotationStep, RotationTurn } from '../../model/rotationjournal.ts'
import { recordOf } from '../../model/rotationrecord.ts'
import { Secret } from '../../model/secret.ts'
import type { AccountSummary, Target } from '../../model/target.ts'
import { type PlainCredential, readPlain, summarize } from '../account.ts'
import type { Keyring, MasterKey } from '../keyfile.ts'
import type { Api } from '../modes/ask.ts'
import { seal, unseal } from '../seal.ts'
import { idOf } from './own-token.ts'
import type { Place, Within } from './places.ts'

export interface RotationTimes {
  /** How long the turn of an account is kept without a word, in ms. */
  readonly turnMs: number
  /** How long the old credential goes on working after the switch, in ms: so long a rollback is a step. */
  readonly drainMs: number
  /** The same of a rotation that was due: nobody waits for it, and attempts have longer to show whether they are refused. */
  readonly dueDrainMs: number
  /** How long its refusal is waited for in one go, in ms, and until the next. */
  readonly confirmMs: number
  readonly againMs: number
}

export interface RotationDeps {
  readonly journal: RotationJournal
  readonly cluster: Cluster
  readonly key: MasterKey & Partial<Keyring>
  /** The id of this installation, for labels. */
  readonly installation: string
  readonly times: RotationTimes
  /** Whether an attempt still runs that began before a time and uses the credential of its target itself. */
  readonly isBusy: (target: Target, since: number) => Promise<boolean>
  /** How many attempts the API server refused since a switch; undefined when that is not a reason to go back (model/refused.ts). */
  readonly refused: (target: Target, switchedAt: number) => Promise<Refused | undefined>
  readonly within: Within
  readonly log: (line: object) => void
  /** Puts an entry into the record of who did what. @throws TelpherError redis_* */
  readonly record: (entry: AuditEntry) => Promise<void>
}

/** When to look again, ms since the epoch by the clock of Redis; undefined to go on at once. */
export type Next = number | undefined

/** The turn was lost: somebody else goes on from the journal. */
export class LostTurn extends Error {}

/** Whether nothing more can be done now, of whatever else there is to do. */
export const endsTurn = (thrown: unknown): boolean => thrown instanceof LostTurn || toTelpherError(thrown).code.startsWith('redis_')

/** The account of one target while its turn is held: its journal, its records, and connections with its credentials. */
export interface HeldAccount {
  turn(): RotationTurn
  /** ms since the epoch by the clock of Redis. */
  now(): number
  /** @throws LostTurn */
  write(step: RotationStep): Promise<void>
  /** Puts into the record what the journal says is not known to be there: whoever wrote it may have died over it. @throws TelpherError redis_* */
  tell(): Promise<void>
  /** Does so, and has the journal know it. @throws LostTurn; TelpherError redis_* */
  settle(): Promise<void>
  /** Writes what an event makes of the journal, and puts it into the record. @param more.about the credential that it is about, for the record @throws LostTurn */
  step(
    event: RotationEvent,
    more?: Omit<RotationStep, 'rotation'> & { readonly answer?: RotationAnswer; readonly about?: PlainCredential },
  ): Promise<void>
  /** The credential of a version. @throws TelpherError sealed_record */
  open(version: number): Promise<PlainCredential>
  /** What somebody gave, sealed for this account. @throws TelpherError sealed_record */
  openGiven(sealed: SealedRecord): PlainCredential
  sealAs(version: number, plain: PlainCredential): SealedRecord
  summary(version: number, plain: PlainCredential): AccountSummary
  /**
   * Works in a place of the target's cluster; what is asked of the API server meanwhile is refused once the place may be another's.
   * @throws TelpherError rotation_place
   */
  within<T>(work: () => Promise<T>): Promise<T>
  /** Works with a connection that has this credential alone. @param address one of the target's; whichever answers when absent */
  as<T>(plain: PlainCredential, work: (api: Api) => Promise<T>, address?: string): Promise<T>
}

/** By what a credential is known without telling it. */
const nameOf = (plain: PlainCredential): string => ('token' in plain ? idOf(plain.token) : summarize('', plain).fingerprint)

const connectionTo = (cluster: Cluster, target: Target, plain: PlainCredential): ClusterConnection => {
  if (plain.kind === 'client-certificate') {
    const { kind, certificate, key } = plain
    return cluster.connect(target, { id: 'rotation', kind, certificate, key: new Secret(key) })
  }
  if (!('token' in plain)) throw new TelpherError('internal', `a ${plain.kind} account has no credential of its own`)
  return cluster.connect(target, { id: idOf(plain.token), kind: 'bearer', token: new Secret(plain.token) })
}

/** A connection that asks nothing any more once its place may be another's. */
const inPlace = (connection: ClusterConnection, place: Place): ClusterConnection => ({
  ...connection,
  request: async (asked) => {
    if (!place.isHeld()) throw new LostTurn('its place in the cluster may be held by another')
    return connection.request(asked)
  },
})

export const holdAccount = (
  given: RotationTurn,
  { journal, cluster, key, times, within, log, record }: Omit<RotationDeps, 'installation' | 'isBusy' | 'refused'>,
): HeldAccount => {
  let turn = given
  let base = turn.now - performance.now()
  let place: Place | undefined
  const now = (): number => Math.round(base + performance.now())
  const { id } = given.target.account
  const told = new Set<string>()
  /** What the journal still has to tell; what was told goes from it with the next thing that is written. */
  const untoldOf = ({ untold = [] }: Rotation): AuditEntry[] => untold.filter((entry) => !told.has(JSON.stringify(entry)))
  const write: HeldAccount['write'] = async (step) => {
    const { untold: _, ...rotation } = step.rotation
    const untold = untoldOf(step.rotation)
    const written = { ...step, rotation: untold.length === 0 ? rotation : { ...rotation, untold } }
    const next = await journal.step(turn, written, times.turnMs)
    if (next === undefined) throw new LostTurn(`somebody else rotates ${turn.target.name}`)
    turn = next
    base = turn.now - performance.now()
  }
  const tell: HeldAccount['tell'] = async () => {
    for (const entry of untoldOf(turn.rotation)) {
      await record(entry)
      told.add(JSON.stringify(entry))
    }
  }
  const open: HeldAccount['open'] = async (version) => readPlain(id, unseal(key, await journal.sealed(turn, version), id))
  return {
    turn: () => turn,
    now,
    write,
    tell,
    async settle() {
      if (turn.rotation.untold === undefined) return
      await tell()
      await write({ rotation: turn.rotation })
    },
    async step(event, { answer, about, ...more } = {}) {
      const made = rotate(turn.rotation, event, now())
      const rotation = answer === undefined ? made : { ...made, answer }
      const entry = recordOf(turn.target, event, rotation, now(), about === undefined ? undefined : nameOf(about))
      await write({ rotation: { ...rotation, untold: [...(rotation.untold ?? []), entry] }, ...more })
      const { state, version } = turn.rotation
      await tell()
      log({ level: 'info', msg: 'rotation', target: turn.target.name, event: event.type, state, version })
    },
    open,
    openGiven: (sealed) => readPlain(id, unseal(key, sealed, id)),
    sealAs: (version, plain) => seal(key, { type: 'account', id, version, plaintext: JSON.stringify(plain) }),
    summary: (version, plain) => summarize(id, plain, version),
    within: (work) => {
      const { rotation, wish, target } = turn
      return within(
        target,
        async (given) => {
          place = given
          try {
            return await work()
          } finally {
            place = undefined
          }
        },
        rotation.hurry === true || wish?.kind === 'revoke',
      )
    },
    async as(plain, work, address) {
      const target = address === undefined ? turn.target : { ...turn.target, server: address, alternates: [] }
      const connection = connectionTo(cluster, target, plain)
      try {
        return await work({ server: target.server, connection: place === undefined ? connection : inPlace(connection, place) })
      } finally {
        connection.close()
      }
    },
  }
}
