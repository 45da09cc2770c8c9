import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionOf, current, failed, inProgress, isTrue, numberAt, part } from './fields.ts'

const rule = 'generic'

/** Conditions by which controllers say that they are done, in the order in which they are believed. */
const done = ['Ready', 'Available', 'Established', 'Complete', 'Succeeded']

/**
 * Any other kind, by the conventions of the Kubernetes API and of kstatus: what the controller has observed, Stalled and
 * Reconciling, then Ready and its like. A kind without a status is current as soon as it exists.
 */
export const assessGeneric = (object: KubeObject): Assessment => {
  const status = part(object, 'status')
  const observed = numberAt(status, 'observedGeneration')
  if (observed !== undefined && observed < (object.metadata.generation ?? 0))
    return inProgress(rule, `its controller has seen generation ${observed} of ${object.metadata.generation}`)
  const stalled = conditionOf(object, 'Stalled')
  if (isTrue(stalled)) return failed(rule, `it is stalled: ${stalled?.message ?? stalled?.reason ?? ''}`)
  const reconciling = conditionOf(object, 'Reconciling')
  if (isTrue(reconciling)) return inProgress(rule, reconciling?.message ?? 'its controller is at work')
  for (const type of done) {
    const condition = conditionOf(object, type)
    if (condition === undefined) continue
    return isTrue(condition) ? current(rule, `it is ${type}`) : inProgress(rule, condition.message ?? `it is not ${type} yet`)
  }
  return current(rule, 'it exists')
}
