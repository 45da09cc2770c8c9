import type { Evidence } from './conditions.ts'
import { textAt } from './fields.ts'

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The numbers of a report's state (solo-kit: api/v1/status.proto, Status.State). */
const states: readonly Evidence['status'][] = ['InProgress', 'Current', 'Failed', 'Failed']
const words = ['pending', 'accepted', 'rejected', 'a warning']

/**
 * Reports of controllers on what they were given: a state as a number beside who reports it, one in the status or one for
 * each of several controllers. Those that write the state as a word are read as phases.
 */
export const byReports = (status: Fields): readonly Evidence[] => {
  const several = isFields(status['statuses']) ? Object.values(status['statuses']).filter(isFields) : []
  const found: Evidence[] = []
  for (const report of [status, ...several.slice(0, 50)]) {
    const [by, state] = [textAt(report, 'reportedBy'), report['state']]
    if (by === undefined || typeof state !== 'number') continue
    const said = states[state]
    if (said === undefined) continue
    found.push({ status: said, message: `${by} says ${textAt(report, 'reason') ?? `that it is ${words[state]}`}`, rule: 'reports' })
  }
  return found
}
