import type { SealedRecord } from '../../model/credential.ts'
import { TelpherError } from '../../model/errors.ts'
import type { Cluster, ClusterConnection } from '../../model/ports.ts'
import {
  type Rotation,
  type RotationAnswer,
  type RotationEvent,
  type RotationJournal,
  type RotationStep,
  type RotationTurn,
  rotate,
} from '../../model/rotation.ts'
import { Secret } from '../../model/secret.ts'
import type { AccountSummary, Target } from '../../model/target.ts'
import { type PlainCredential, readPlain, summarize } from '../account.ts'
import type { Keyring, MasterKey } from '../keyfile.ts'
import type { Api } from '../modes/ask.ts'
import { seal, unseal } from '../seal.ts'
import { idOf } from './own-token.ts'

export interface RotationTimes {
  /** How long the turn of an account is kept without a word, in ms. */
  readonly turnMs: number
  /** How long the old credential goes on working after the switch, in ms: so long a rollback is a step. */
  readonly drainMs: number
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
  /** Calls to one cluster, a few at a time. */
  readonly within: <T>(target: Target, work: () => Promise<T>) => Promise<T>
  readonly log: (line: object) => void
  /** Told of each event after it was written. */
  readonly record: (target: Target, event: RotationEvent, rotation: Rotation) => void
}

/** The turn was lost: somebody else goes on from the journal. */
export class LostTurn extends Error {}

/** The account of one target while its turn is held: its journal, its records, and connections with its credentials. */
export interface HeldAccount {
  turn(): RotationTurn
  /** ms since the epoch by the clock of Redis. */
  now(): number
  /** @throws LostTurn */
  write(step: RotationStep): Promise<void>
  /** Writes what an event makes of the journal. @throws LostTurn */
  step(event: RotationEvent, more?: Omit<RotationStep, 'rotation'> & { readonly answer?: RotationAnswer }): Promise<void>
  /** The credential of a version. @throws TelpherError sealed_record */
  open(version: number): Promise<PlainCredential>
  /** What somebody gave, sealed for this account. @throws TelpherError sealed_record */
  openGiven(sealed: SealedRecord): PlainCredential
  sealAs(version: number, plain: PlainCredential): SealedRecord
  summary(version: number, plain: PlainCredential): AccountSummary
  /** Works with a connection that has this credential alone. @param address one of the target's; whichever answers when absent */
  as<T>(plain: PlainCredential, work: (api: Api) => Promise<T>, address?: string): Promise<T>
}

const connectionTo = (cluster: Cluster, target: Target, plain: PlainCredential): ClusterConnection => {
  if (plain.kind === 'client-certificate') {
    const { kind, certificate, key } = plain
    return cluster.connect(target, { id: 'rotation', kind, certificate, key: new Secret(key) })
  }
  if (!('token' in plain)) throw new TelpherError('internal', `a ${plain.kind} account has no credential of its own`)
  return cluster.connect(target, { id: idOf(plain.token), kind: 'bearer', token: new Secret(plain.token) })
}

export const holdAccount = (
  given: RotationTurn,
  { journal, cluster, key, times, log, record }: Pick<RotationDeps, 'journal' | 'cluster' | 'key' | 'times' | 'log' | 'record'>,
): HeldAccount => {
  let turn = given
  let base = turn.now - performance.now()
  const now = (): number => Math.round(base + performance.now())
  const { id } = given.target.account
  const write: HeldAccount['write'] = async (step) => {
    const next = await journal.step(turn, step, times.turnMs)
    if (next === undefined) throw new LostTurn(`somebody else rotates ${turn.target.name}`)
    turn = next
    base = turn.now - performance.now()
  }
  const open: HeldAccount['open'] = async (version) => readPlain(id, unseal(key, await journal.sealed(turn, version), id))
  return {
    turn: () => turn,
    now,
    write,
    async step(event, { answer, ...more } = {}) {
      const rotation = rotate(turn.rotation, event, now())
      await write({ rotation: answer === undefined ? rotation : { ...rotation, answer }, ...more })
      const { state, version } = turn.rotation
      record(turn.target, event, turn.rotation)
      log({ level: 'info', msg: 'rotation', target: turn.target.name, event: event.type, state, version })
    },
    open,
    openGiven: (sealed) => readPlain(id, unseal(key, sealed, id)),
    sealAs: (version, plain) => seal(key, { type: 'account', id, version, plaintext: JSON.stringify(plain) }),
    summary: (version, plain) => summarize(id, plain, version),
    async as(plain, work, address) {
      const target = address === undefined ? turn.target : { ...turn.target, server: address, alternates: [] }
      const connection = connectionTo(cluster, target, plain)
      try {
        return await work({ server: target.server, connection })
      } finally {
        connection.close()
      }
    },
  }
}
