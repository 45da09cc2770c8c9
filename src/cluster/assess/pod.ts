import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionOf, current, failed, inProgress, isTrue, part, textAt } from './fields.ts'

const rule = 'Pod'

/** A Pod of its own: running and ready, or done (Kubernetes docs: pod lifecycle). */
export const assessPod = (object: KubeObject): Assessment => {
  const status = part(object, 'status')
  const phase = textAt(status, 'phase')
  if (phase === 'Succeeded') return current(rule, 'it has completed')
  if (phase === 'Failed') return failed(rule, textAt(status, 'message') ?? textAt(status, 'reason') ?? 'it has failed')
  const ready = conditionOf(object, 'Ready')
  if (phase === 'Running' && isTrue(ready)) return current(rule, 'it is ready')
  return inProgress(rule, ready?.message ?? `it is ${phase ?? 'not scheduled'}`)
}
