import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { current, inProgress, notObserved, numberAt, part, textAt } from './fields.ts'

const rule = 'StatefulSet'

/** A StatefulSet with its partition (Kubernetes docs: StatefulSet, rolling update partitions). */
export const assessStatefulSet = (object: KubeObject): Assessment => {
  const unseen = notObserved(object, rule)
  if (unseen !== undefined) return unseen
  const spec = part(object, 'spec')
  const status = part(object, 'status')
  const wanted = numberAt(spec, 'replicas') ?? 1
  const ready = numberAt(status, 'readyReplicas') ?? 0
  const all = numberAt(status, 'replicas') ?? 0
  if (ready < wanted) return inProgress(rule, `${ready} of ${wanted} replicas are ready`)
  if (all > wanted) return inProgress(rule, `${all - wanted} replicas too many are still there`)
  const strategy = part(spec, 'updateStrategy')
  if (textAt(strategy, 'type') === 'OnDelete')
    return current(rule, `${ready} of ${wanted} replicas are ready; they are updated when they are deleted`)
  const partition = numberAt(part(strategy, 'rollingUpdate'), 'partition') ?? 0
  const updated = numberAt(status, 'updatedReplicas') ?? 0
  if (partition > 0) {
    const due = Math.max(0, wanted - partition)
    return updated < due
      ? inProgress(rule, `${updated} of ${due} replicas above the partition are updated`)
      : current(rule, `${due} replicas above the partition are updated`)
  }
  if (textAt(status, 'currentRevision') !== textAt(status, 'updateRevision'))
    return inProgress(rule, `${updated} of ${wanted} replicas are updated`)
  return current(rule, wanted === 0 ? 'no replicas are wanted' : `${ready} of ${wanted} replicas are ready`)
}
