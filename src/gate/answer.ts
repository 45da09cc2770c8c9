import type { LedgerEntry } from '../model/ledger.ts'

/** What the API server's answer says of a write. */
export interface WriteAnswer {
  /** HTTP status; 0 when none came. */
  readonly code: number
  readonly auditId?: string
  /** The answer's JSON, where it is one and was short enough to be read. */
  readonly body?: unknown
}

/** Texts are kept up to here: the ledger is stored for long, and another's API server may say anything. */
const longestText = 2048

type Facts = { -readonly [Key in 'kind' | 'name' | 'namespace' | 'uid' | 'generation' | 'reason' | 'message']?: LedgerEntry[Key] }

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

const take = (facts: Facts, key: Exclude<keyof Facts, 'generation'>, value: unknown): void => {
  if (typeof value === 'string' && value !== '') facts[key] = value.slice(0, longestText)
}

/** A Status: why it was refused; of a delete that succeeded, what is gone (meta/v1 StatusDetails). */
const factsOfStatus = ({ reason, message, details }: Readonly<Record<string, unknown>>, refused: boolean): Facts => {
  const facts: Facts = {}
  if (refused) {
    take(facts, 'reason', reason)
    take(facts, 'message', message)
    return facts
  }
  const { name, uid } = fieldsOf(details)
  take(facts, 'name', name)
  take(facts, 'uid', uid)
  return facts
}

/** The fields of a ledger entry that the answer to a write gives. */
export const answerFacts = ({ code, body }: WriteAnswer): Facts => {
  const fields = fieldsOf(body)
  const { kind, metadata } = fields
  if (kind === 'Status' || code >= 400) return factsOfStatus(fields, code >= 400)
  const { name, namespace, uid, generation } = fieldsOf(metadata)
  const facts: Facts = {}
  // Clients may ask for the metadata alone; the kind is not in it.
  if (kind !== 'PartialObjectMetadata') take(facts, 'kind', kind)
  take(facts, 'name', name)
  take(facts, 'namespace', namespace)
  take(facts, 'uid', uid)
  if (typeof generation === 'number') facts.generation = generation
  return facts
}
