import type { Condition } from './fields.ts'
import { type Meaning, meaningOf, meaningOfPhrase, meaningOfSentence, meaningOfWord, wordsOf } from './words.ts'

/** What a part of a status says of its object. */
export interface Said {
  readonly status: 'Current' | 'InProgress' | 'Failed' | 'Suspended'
  readonly message: string
}

/** What was said, and by which rule it was read. */
export interface Evidence extends Said {
  readonly rule: string
  /** Whether it is a phase of the whole object. */
  readonly isWhole?: boolean
}

/** How a condition type is to be read. */
interface Grammar {
  /** Whether it is one word, such as Installed: when it is False, that speaks of the whole. */
  readonly isPlain: boolean
  /** What it means when it is True: Ready is good, Degraded is bad, Progressing is busy, Paused is paused. */
  readonly meaning: Meaning | undefined
  /** Whether it speaks of the whole object (Ready), not of a part of it (DatabaseReady). */
  readonly isWhole: boolean
  readonly isStep?: true
  /** `NotReady`: True says that the good thing is not so. */
  readonly isTurned?: true
}

/** Types that sum up what a controller knows; where one of them is there, those of parts only explain it. */
const wholes = new Set(
  `ready available healthy succeeded success successful complete completed established synced accepted programmed reconciled
  valid compliant resolvedrefs bound online operational paused
  suspended stopped hibernated ignored`
    .trim()
    .split(/\s+/),
)
/** Words behind the one that decides: `ReconcileSuccessful`, `ResolvedRefs`, `HasErrors`, `RollingUpdate`. */
const grammars = new Map<string, Grammar>()

/** Steps on the way: that they were taken says nothing of the whole, that they were not does. */
const steps = new Set('scheduled requested submitted prepared acquired launched registered admitted created accepts'.split(' '))

/** Work that types tell of; others that end so are features, such as `ContinuousArchiving`. */
const work = new Set(
  `progressing reconciling creating updating upgrading deleting terminating installing uninstalling initializing initialising provisioning
  deploying configuring applying syncing synchronizing processing draining disrupting restarting building pulling downloading importing
  exporting resizing expanding shrinking rebalancing recovering promoting switching migrating rolling restoring waiting starting stopping
  suspending pausing hibernating pending issuing renewing rotating joining bootstrapping launching scheduling preparing unpacking
  allocating attaching detaching scaling replacing remediating resuming`
    .trim()
    .split(/\s+/),
)

/** What a word of a type means; `ScalingUp` and `RollingOut` end with a word that says nothing. */
const meaningInType = (word: string, before: string): Meaning | undefined => {
  if (/^(?:up|down|out|over|in)$/.test(word) && before.endsWith('ing')) return undefined
  const meaning = meaningOfWord(word)
  return meaning === 'busy' && word.endsWith('ing') && !work.has(word) ? undefined : meaning
}

const readType = (type: string): Grammar => {
  const words = wordsOf(type.slice(type.lastIndexOf('/') + 1))
  const joined = words.join('')
  const isWhole = wholes.has(joined)
  const last = words.at(-1) ?? ''
  if (steps.has(last)) return { meaning: 'good', isWhole: false, isPlain: false, isStep: true }
  const own =
    meaningOfPhrase(words) ?? words.map((word, at) => meaningInType(word, words[at - 1] ?? '')).findLast((one) => one !== undefined)
  // `NotReady` is bad news when it is True, `NoWarnings` good news.
  const before = words.at(-2)
  if (before === 'not' && own === 'good') return { meaning: own, isWhole: words.length === 2, isPlain: false, isTurned: true }
  if (before === 'not' || before === 'no') return { meaning: own === 'bad' ? 'good' : undefined, isWhole: false, isPlain: false }
  // Controllers write of warnings that they go on all the same.
  if (last === 'warning' || last === 'warnings') return { meaning: undefined, isWhole: false, isPlain: false }
  // Types are adjectives and participles of what is wished (Kubernetes API conventions): an unknown one is a good one.
  const meaning =
    own ?? (/(?:ed|able|ible)$/.test(last) && !/^(?:un|mis|disrupt|disconn|disabl|disallow|deprec)/.test(last) ? 'good' : undefined)
  return { meaning, isWhole, isPlain: words.length === 1 && own === 'good' && !/^(?:active|running|enabled)$/.test(joined) }
}

const grammarOf = (type: string): Grammar => {
  const known = grammars.get(type)
  if (known !== undefined) return known
  if (grammars.size > 2000) grammars.clear()
  const grammar = readType(type)
  grammars.set(type, grammar)
  return grammar
}

const nameOf = ({ type }: Condition): string => type.slice(type.lastIndexOf('/') + 1) || 'a condition'
const explain = (condition: Condition, otherwise: string): string => {
  const why = condition.message?.trim() || condition.reason
  return why ? `${nameOf(condition)}: ${why}` : otherwise
}

/** Why a good thing is not so: the reason is a word made for programs, the message is for people. */
const meaningOfCause = ({ reason = '', message = '', severity }: Condition): Meaning | undefined => {
  if (severity === 'Error') return 'bad'
  // Replicas that are `MinimumReplicasUnavailable` may still come.
  const byReason = /.Unavailable$/.test(reason) ? 'busy' : meaningOf(reason)
  if (byReason === 'bad') return byReason
  if (byReason === 'paused') return /(?:Paused|Suspended|Stopped|Hibernated)/.test(reason) ? 'paused' : 'bad'
  const byMessage = meaningOfSentence(message)
  // `NotReady` says no more than that the condition is False.
  if (/Not[A-Z][a-z]+$/.test(reason)) return byMessage ?? byReason
  if (byReason === 'busy') return /^\W*(?:error|failed|failure)\b/i.test(message) ? 'bad' : 'busy'
  return byMessage
}

/** A condition that should be True and is not. */
const missing = (condition: Condition): Said => {
  const message = explain(condition, `it is not ${nameOf(condition)} yet`)
  if (condition.status !== 'False') return { status: 'InProgress', message }
  const cause = meaningOfCause(condition)
  if (cause === 'bad') return { status: 'Failed', message }
  return { status: cause === 'paused' ? 'Suspended' : 'InProgress', message }
}

/** A condition that tells of work. */
const working = (condition: Condition): Said | undefined => {
  const { reason = '', message = '', status } = condition
  if (status === 'False')
    return /deadline/i.test(reason) ? { status: 'Failed', message: explain(condition, `${nameOf(condition)} is False`) } : undefined
  if (status !== 'True' && meaningOf(reason) !== 'busy' && meaningOfSentence(message) !== 'busy') return undefined
  if (/fail|error|deadline/i.test(reason)) return { status: 'Failed', message: explain(condition, `it is ${nameOf(condition)}`) }
  // Some leave it True for ever: `Progressing` because `NewReplicaSetAvailable`; `ReplicaSetUpdated` says that it goes on.
  if (meaningOf(reason) === 'good' && !/(?:Updated|Created|Found)$/.test(reason)) return undefined
  return { status: 'InProgress', message: explain(condition, `it is ${nameOf(condition)}`) }
}

/** `Running`, because `Running reconciliation`; `Successful`, and `Awaiting next reconciliation`, is not at work. */
const tellsOfWork = ({ type, reason = '', message = '' }: Condition): boolean => {
  if (reason !== type && meaningOf(reason) === 'good') return false
  return /^running reconciliation/i.test(message) || meaningOfWord(wordsOf(message)[0] ?? '') === 'busy'
}

const turned: Readonly<Record<string, string>> = { True: 'False', False: 'True' }

const speak = (given: Condition, grammar: Grammar): Said | undefined => {
  const condition = grammar.isTurned === true ? { ...given, status: turned[given.status] ?? given.status } : given
  const isTrue = condition.status === 'True'
  switch (grammar.meaning) {
    case 'good': {
      if (!isTrue) return missing(condition)
      if (tellsOfWork(condition)) return { status: 'InProgress', message: explain(condition, '') }
      return { status: 'Current', message: explain(condition, `it is ${nameOf(condition)}`) }
    }
    case 'bad':
      // Bad news for a good reason, such as a failure because all replicas are available, is a leftover.
      return isTrue && meaningOf(condition.reason ?? '') !== 'good'
        ? { status: 'Failed', message: explain(condition, `it is ${nameOf(condition)}`) }
        : undefined
    case 'paused':
      return isTrue ? { status: 'Suspended', message: explain(condition, `it is ${nameOf(condition)}`) } : undefined
    case 'busy':
      return working(condition)
    default:
      return undefined
  }
}

const worst = ['Failed', 'Suspended', 'InProgress', 'Current'] as const

/** The worst of what was said; of several, the first. */
export const worstFirst = <T extends Said>(said: readonly T[]): T | undefined => {
  for (const status of worst) {
    const found = said.find((one) => one.status === status)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * What all conditions of one list say together (Kubernetes API conventions, Typical status properties): bad news when
 * True, then rest, then what should be True and is not, then work that goes on. Parts only count where nothing speaks of
 * the whole, or where they have failed while it is not.
 */
export const readConditions = (conditions: readonly Condition[]): Said | undefined => {
  const [whole, parts, news]: [Said[], Said[], Said[]] = [[], [], []]
  const rests = conditions.some((one) => one.status === 'True' && grammarOf(one.type).meaning === 'paused')
  let isProgressing: Said | undefined
  let mending = false
  for (const condition of conditions) {
    const grammar = grammarOf(condition.type)
    // What rests cannot be asked.
    if (rests && !grammar.isWhole && condition.status === 'Unknown') continue
    const said = speak(condition, grammar)
    if (said === undefined || (grammar.isStep === true && said.status === 'Current')) continue
    if (
      grammar.meaning === 'busy' &&
      said.status === 'InProgress' &&
      condition.type === 'Progressing' &&
      !condition.reason &&
      !condition.message
    )
      isProgressing = said
    // A part of it that rests on purpose is no news of the whole.
    else if (grammar.meaning === 'paused' && !grammar.isWhole) continue
    else if (grammar.meaning !== 'good') {
      news.push(said)
      mending ||= said.status === 'InProgress' && condition.status === 'True' && !/^(?:Reconciling|Progressing)$/.test(condition.type)
    } else (grammar.isWhole || (grammar.isPlain && said.status !== 'Current') ? whole : parts).push(said)
  }
  const sum = worstFirst(whole)
  if (sum === undefined) return worstFirst([...news, ...parts]) ?? isProgressing
  if (sum.status === 'Current') return worstFirst([...news, sum])
  if (sum.status === 'InProgress') return worstFirst([...news, ...parts.filter(({ status }) => status === 'Failed'), sum])
  // Work on it says that it is being mended; `Reconciling` is said of every new attempt, so it does not.
  return worstFirst(mending ? news : [...news.filter(({ status }) => status !== 'InProgress'), sum])
}
