import type { Assessment, KubeObject } from '../../model/verdict.ts'
import {
  type Condition,
  conditionOf,
  conditionsOf,
  current,
  failed,
  inProgress,
  isTrue,
  type Known,
  numberAt,
  part,
  textAt,
} from './fields.ts'

const rule = 'generic'

/** Conditions by which controllers say that they are done; all of those that an object has must be true. */
const done: readonly string[] = [
  'Ready',
  'Available',
  'Established',
  'Complete',
  'Succeeded',
  'Healthy',
  'Synced',
  'Programmed',
  'Accepted',
]
/** Conditions that are bad news when they are true. */
const broken: readonly string[] = ['Failed', 'Failure', 'Error', 'Degraded', 'ReconcileError', 'Errored']
const busy: readonly string[] = ['Reconciling', 'Progressing', 'Issuing', 'Updating']

/** Words of status.phase or status.state, for controllers that have no conditions. */
const goodPhase = /^(?:ready|running|active|available|succeeded|completed?|bound|healthy|synced|established|online|deployed|ok)$/i
const badPhase = /^(?:failed|failure|error|errored|degraded|unhealthy|invalid|rejected|crash(?:ed|ing)?)$/i

/** Groups that Kubernetes itself serves: their kinds need no controller to write a status. */
const builtIn = /^(?:|apps|batch|autoscaling|policy|extensions|[a-z]+(?:\.authorization|\.apiserver)?\.k8s\.io)$/

const groupOf = ({ apiVersion = '' }: KubeObject): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '')

/** Whether a condition speaks of an older generation than the object has. */
const isOld = (condition: Condition, object: KubeObject): boolean =>
  condition.observedGeneration !== undefined && Number(condition.observedGeneration) < (object.metadata.generation ?? 0)

const byConditions = (object: KubeObject): Assessment | undefined => {
  const positive = conditionsOf(object).filter(({ type }) => done.includes(type))
  const old = positive.find((condition) => isOld(condition, object))
  if (old !== undefined) return inProgress(rule, `its condition ${old.type} is of an older generation`)
  const open = positive.find((condition) => !isTrue(condition))
  if (open !== undefined) return inProgress(rule, open.message || open.reason || `it is not ${open.type} yet`)
  return positive[0] === undefined ? undefined : current(rule, `it is ${positive[0].type}`)
}

const byPhase = (object: KubeObject): Assessment | undefined => {
  const status = part(object, 'status')
  const phase = textAt(status, 'phase') ?? textAt(status, 'state')
  if (phase === undefined || phase === '') return undefined
  if (goodPhase.test(phase)) return current(rule, `it is ${phase}`)
  if (badPhase.test(phase)) return failed('phase', textAt(status, 'message') ?? textAt(status, 'reason') ?? `it is ${phase}`)
  return inProgress(rule, `it is ${phase}`)
}

/**
 * Any other kind, by the conventions of the Kubernetes API and of kstatus: what the controller has observed, Stalled and
 * Reconciling, then Ready and its like, then its phase. A kind of Kubernetes' own without a status is current as soon as
 * it exists; of a custom one nobody can know, so it is called unverified after a settle time.
 * @param known whether the settle time is over
 */
export const assessGeneric = (object: KubeObject, known: Known): Assessment => {
  const status = part(object, 'status')
  const observed = numberAt(status, 'observedGeneration')
  if (observed !== undefined && observed < (object.metadata.generation ?? 0))
    return inProgress(rule, `its controller has seen generation ${observed} of ${object.metadata.generation}`)
  const stalled = conditionOf(object, 'Stalled')
  if (isTrue(stalled)) return failed(rule, `it is stalled: ${stalled?.message ?? stalled?.reason ?? ''}`)
  const bad = conditionsOf(object).find((condition) => broken.includes(condition.type) && isTrue(condition))
  if (bad !== undefined) return failed('phase', bad.message || bad.reason || `it is ${bad.type}`)
  const working = conditionsOf(object).find((condition) => busy.includes(condition.type) && isTrue(condition))
  const answer = byConditions(object)
  if (working !== undefined && (working.type === 'Reconciling' || answer?.status !== 'Current'))
    return inProgress(rule, working.message || working.reason || 'its controller is at work')
  const found = answer ?? byPhase(object)
  if (found !== undefined) return found
  if (builtIn.test(groupOf(object))) return current(rule, 'it exists')
  if (known.settled !== true) return inProgress(rule, 'it has no status yet')
  return current('unverified', 'it exists; nothing in its status says that it is ready')
}
