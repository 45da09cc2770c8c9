import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { current, inProgress, notObserved, numberAt, part, textAt } from './fields.ts'

const rule = 'DaemonSet'

/** A DaemonSet: as many updated, ready and available pods as nodes want one. */
export const assessDaemonSet = (object: KubeObject): Assessment => {
  const unseen = notObserved(object, rule)
  if (unseen !== undefined) return unseen
  const status = part(object, 'status')
  const wanted = numberAt(status, 'desiredNumberScheduled') ?? 0
  const updated = numberAt(status, 'updatedNumberScheduled') ?? 0
  const available = numberAt(status, 'numberAvailable') ?? 0
  const onDelete = textAt(part(part(object, 'spec'), 'updateStrategy'), 'type') === 'OnDelete'
  if (!onDelete && updated < wanted) return inProgress(rule, `${updated} of ${wanted} pods are updated`)
  if (available < wanted) return inProgress(rule, `${available} of ${wanted} pods are available`)
  return current(rule, wanted === 0 ? 'no node wants a pod' : `${available} of ${wanted} pods are available`)
}
