import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionOf, current, failed, inProgress, notObserved, numberAt, part, suspended } from './fields.ts'

const rule = 'Deployment'

/** A Deployment as kubectl's rollout status reads it, and no extra replicas (kubectl: pkg/polymorphichelpers, rollout_status.go). */
export const assessDeployment = (object: KubeObject): Assessment => {
  const unseen = notObserved(object, rule)
  if (unseen !== undefined) return unseen
  const spec = part(object, 'spec')
  const status = part(object, 'status')
  if (spec['paused'] === true) return suspended(rule, 'the rollout is paused')
  const progressing = conditionOf(object, 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return failed(rule, progressing.message ?? 'the progress deadline was exceeded')
  const wanted = numberAt(spec, 'replicas') ?? 1
  const updated = numberAt(status, 'updatedReplicas') ?? 0
  const all = numberAt(status, 'replicas') ?? 0
  const available = numberAt(status, 'availableReplicas') ?? 0
  if (updated < wanted) return inProgress(rule, `${updated} of ${wanted} replicas are updated`)
  if (all > updated) return inProgress(rule, `${all - updated} old replicas are still there`)
  if (available < wanted) return inProgress(rule, `${available} of ${wanted} replicas are available`)
  return current(rule, wanted === 0 ? 'no replicas are wanted' : `${available} of ${wanted} replicas are available`)
}
