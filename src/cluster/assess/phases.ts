import type { KubeObject } from '../../model/verdict.ts'
import type { Evidence } from './conditions.ts'
import { textAt } from './fields.ts'
import { runsToItsEnd } from './resting.ts'
import { type Meaning, meaningOf } from './words.ts'

type Fields = Readonly<Record<string, unknown>>

/** A word that a controller wrote of an object's state, and where. */
export interface Phase {
  readonly field: string
  readonly word: string
  /** Nothing when its word is not known. */
  readonly meaning: Meaning | undefined
  /** Whether it speaks of the whole object. */
  readonly isWhole: boolean
}

/** Fields of the status that speak of the whole object. */
const wholeName =
  /^(?:(?:current|overall|resource|cluster|instance|sync|health|printable|deployment|lifecycle)?(?:phase|state|status|health)|stage|compliant|compliance)$/i
/** Names such as `appState`, `jobManagerDeploymentStatus`, `PostgresClusterStatus`, `lastOperationStatus`. */
const partName = /(?:phase|state|status|health)$/i
/** Lists with the state of each part; other lists tell what was, or what there is. */
const listName = /(?:status|statuses|states)$/i
/** What once was, and what is wanted, says nothing of what is. */
const elsewhere = /^(?:previous|prior|old|desired|wanted|target|expected|history|requested|atProvider$|observedState$)/i
const longestWord = 120
const deepest = 3
const mostFields = 200

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const isPhaseName = (name: string): boolean => partName.test(name) || wholeName.test(name)

/** Words of maps within the status: `jobStatus.state`, `statuses.<name>.state`. */
const walk = (fields: Fields, path: string, depth: number, found: Phase[]): void => {
  for (const name in fields) {
    if (found.length >= mostFields) return
    if (elsewhere.test(name)) continue
    const value = fields[name]
    if (typeof value === 'string') {
      if (value === '' || value.length > longestWord || !isPhaseName(name)) continue
      const isWhole = depth === 0 && wholeName.test(name)
      found.push({ field: `${path}${name}`, word: value, meaning: meaningOf(value), isWhole })
    } else if (depth < deepest && isFields(value)) walk(value, `${path}${name}.`, depth + 1, found)
    else if (depth < deepest && Array.isArray(value) && listName.test(name))
      for (const [at, entry] of value.slice(0, 50).entries()) if (isFields(entry)) walk(entry, `${path}${name}[${at}].`, depth + 1, found)
  }
}

/** All words by which a status tells its phase, up to three maps deep. */
export const phasesOf = (status: Fields): readonly Phase[] => {
  const found: Phase[] = []
  walk(status, '', 0, found)
  // One word beside nothing else speaks of the whole, whatever it is called.
  const [only, another] = found.filter(({ field }) => !field.includes('.'))
  if (only !== undefined && another === undefined && !only.isWhole && only.meaning !== undefined)
    return found.map((phase) => (phase === only ? { ...only, isWhole: true } : phase))
  return found
}

/** Fields in which a controller says in a sentence what went wrong (failureMessage and failureReason: Cluster API contract). */
export const complaintOf = (status: Fields): string | undefined => {
  for (const name of ['failureMessage', 'failureReason', 'error', 'errorMessage', 'errorDescription']) {
    const value = status[name]
    const text = isFields(value) ? textAt(value, 'message') : value
    if (typeof text === 'string' && text !== '') return text
  }
  return undefined
}

const statusOf: Readonly<Record<string, Evidence['status'] | undefined>> = {
  good: 'Current',
  busy: 'InProgress',
  bad: 'Failed',
  paused: 'Suspended',
}

/** What the words of a status say: unknown ones only where they speak of the whole, as of work that goes on. */
export const byPhases = (object: KubeObject, status: Fields, phases: readonly Phase[]): readonly Evidence[] => {
  const why = typeof status['message'] === 'string' && status['message'] !== '' ? `: ${status['message']}` : ''
  const found: Evidence[] = []
  for (const { field, word, meaning, isWhole } of phases) {
    const isOngoing = meaning === 'good' && /^(?:running|active)$/i.test(word) && runsToItsEnd(object)
    const known = meaning === undefined ? undefined : statusOf[isOngoing ? 'busy' : meaning]
    if (known === 'Suspended' && !isWhole) continue
    if (known !== undefined)
      found.push({ status: known, message: `its ${field} is ${word}${known === 'Current' ? '' : why}`, rule: 'phase', isWhole })
    else if (isWhole) found.push({ status: 'InProgress', message: `its ${field} is ${word}`, rule: 'phase' })
  }
  return found
}
