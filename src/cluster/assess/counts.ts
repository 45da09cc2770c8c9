import type { Evidence } from './conditions.ts'
import { numberAt } from './fields.ts'
import { partitionOf } from './resting.ts'

type Fields = Readonly<Record<string, unknown>>

/** How many of something there should be, and how many there are. */
interface Count {
  readonly what: string
  readonly have: number
  readonly want: number
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const partial = /^(?:ready|available|updated|healthy)(?:Ready|Available)?([A-Z]\w*)$/
const fraction = /^(\d+)\/(\d+)$/
const deepest = 2
const mostCounts = 50

/** How many are wanted: what the spec says, or else the status itself. */
const wantedOf = (what: string, spec: Fields, status: Fields): number | undefined => {
  const name = `${what.charAt(0).toLowerCase()}${what.slice(1)}`
  return (
    numberAt(spec, name) ??
    numberAt(status, `desired${what}`) ??
    numberAt(status, `expected${what}`) ??
    numberAt(status, name) ??
    numberAt(status, `total${what}`)
  )
}

const walk = (fields: Fields, spec: Fields, depth: number, found: Count[]): void => {
  for (const name in fields) {
    if (found.length >= mostCounts) return
    const value = fields[name]
    if (typeof value === 'string') {
      const [, have, want] = fraction.exec(value) ?? []
      if (have !== undefined) found.push({ what: name, have: Number(have), want: Number(want) })
    } else if (typeof value === 'number') {
      const [, what] = partial.exec(name) ?? []
      const want = what === undefined ? undefined : wantedOf(what, spec, fields)
      if (want !== undefined) found.push({ what: name, have: value, want })
    } else if (depth < deepest && isFields(value)) walk(value, {}, depth + 1, found)
    // Such as the instance sets of a database.
    else if (depth === 0 && Array.isArray(value))
      for (const entry of value.slice(0, mostCounts)) if (isFields(entry)) walk(entry, {}, deepest, found)
  }
}

/** Numbers that tell what is ready of what is wanted: `readyReplicas` of `replicas`, `readyMembers` of `members`, `2/3`. */
const countsOf = (spec: Fields, status: Fields): readonly Count[] => {
  const found: Count[] = []
  walk(status, spec, 0, found)
  const [size, ready] = [numberAt(status, 'size'), numberAt(status, 'ready')]
  if (size !== undefined && ready !== undefined) found.push({ what: 'ready', have: ready, want: size })
  return found
}

/** How many there are although they should not be. */
const unavailableOf = (status: Fields): { readonly what: string; readonly have: number } | undefined => {
  for (const name in status) {
    const have = /^(?:(?:unavailable|unready)[A-Z]|numberUnavailable$)/.test(name) ? numberAt(status, name) : undefined
    if (have !== undefined && have > 0) return { what: name, have }
  }
  return undefined
}

/** What the numbers of a status say of those that its spec wants. */
export const byCounts = (spec: Fields, status: Fields): readonly Evidence[] => {
  const found: Evidence[] = []
  const partition = partitionOf(spec)
  for (const { what, have, want } of countsOf(spec, status)) {
    const message = `${what}: ${have} of ${want}`
    if (have < want && partition !== undefined && have >= want - partition && what.startsWith('updated'))
      found.push({ status: 'Suspended', message: `its rollout holds at its partition, ${message}`, rule: 'count' })
    else found.push({ status: have < want ? 'InProgress' : 'Current', message, rule: 'count' })
  }
  const missing = unavailableOf(status)
  if (missing !== undefined) found.push({ status: 'InProgress', message: `${missing.what}: ${missing.have}`, rule: 'count' })
  return found
}
