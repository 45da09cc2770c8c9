import type { KubeObject } from '../../model/verdict.ts'
import { type Evidence, readConditions, type Said } from './conditions.ts'
import { type Condition, conditionsAt, generationOf, isTrue, listAt, numberAt, part } from './fields.ts'

type Fields = Readonly<Record<string, unknown>>

/** Lists whose entries have conditions of their own (Gateway API: parents of routes, ancestors of policies, listeners; OpenShift: routers of a Route). */
const lists = ['parents', 'ancestors', 'listeners', 'ingress', 'controllers', 'targets'] as const

const nameOf = (entry: Fields, list: string): string => {
  const ref = part(entry, list === 'ancestors' ? 'ancestorRef' : 'parentRef')
  return String(ref['name'] ?? entry['name'] ?? entry['routerName'] ?? 'one')
}

/** Steps that were all taken are all that some have to say: a router that has admitted a route. */
const taken = (conditions: readonly Condition[]): Said | undefined =>
  conditions.length > 0 && conditions.every(isTrue) ? { status: 'Current', message: `it is ${conditions[0]?.type}` } : undefined

/** What those say that an object is attached to: each for itself. */
export const byParents = (object: KubeObject): readonly Evidence[] => {
  const status = part(object, 'status')
  const generation = generationOf(object)
  const found: Evidence[] = []
  for (const list of lists) {
    const entries = listAt(status, list).filter(
      (entry) => typeof entry === 'object' && entry !== null && Array.isArray(entry['conditions']),
    )
    for (const entry of entries) {
      const conditions = conditionsAt(entry)
      const who = `${list === 'ingress' ? 'router' : list.slice(0, -1)} ${nameOf(entry, list)}`
      const said = readConditions(conditions) ?? taken(conditions)
      const isOld = conditions.some((one) => (numberAt(one as unknown as Fields, 'observedGeneration') ?? generation) < generation)
      if (said === undefined) found.push({ status: 'InProgress', message: `${who} has not answered yet`, rule: 'parents' })
      else if (!isOld) found.push({ ...said, message: `${who}: ${said.message}`, rule: 'parents' })
      // A parent that was left keeps its last refusal: one that was good is asked anew.
      else if (said.status === 'Current' || entries.length === 1)
        found.push({ status: 'InProgress', message: `${who} has answered for an older generation`, rule: 'parents' })
    }
  }
  return found
}
