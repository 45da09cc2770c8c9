import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { current, inProgress, notObserved, numberAt, part } from './fields.ts'

const rule = 'ReplicaSet'

/** A ReplicaSet or ReplicationController. What keeps it from making pods is judged by its grace, not here. */
export const assessReplicaSet = (object: KubeObject): Assessment => {
  const unseen = notObserved(object, rule)
  if (unseen !== undefined) return unseen
  const wanted = numberAt(part(object, 'spec'), 'replicas') ?? 1
  const status = part(object, 'status')
  const available = numberAt(status, 'availableReplicas') ?? 0
  const all = numberAt(status, 'replicas') ?? 0
  if (available < wanted) return inProgress(rule, `${available} of ${wanted} replicas are available`)
  if (all > wanted) return inProgress(rule, `${all - wanted} replicas too many are still there`)
  return current(rule, wanted === 0 ? 'no replicas are wanted' : `${available} of ${wanted} replicas are available`)
}
