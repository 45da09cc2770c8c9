import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { endOf } from './containers.ts'
import { conditionOf, current, failed, inProgress, isTrue, listAt, numberAt, part, textAt } from './fields.ts'

const rule = 'Pod'

/** Which container made a pod fail. */
const failedContainer = (status: ReturnType<typeof part>): string | undefined => {
  const containers = [...listAt(status, 'initContainerStatuses'), ...listAt(status, 'containerStatuses')]
  const ended = containers.find((container) => (numberAt(part(part(container, 'state'), 'terminated'), 'exitCode') ?? 0) !== 0)
  return ended === undefined ? undefined : `container ${textAt(ended, 'name')} failed: ${endOf(ended)}`
}

/** A Pod of its own: running and ready, or done (Kubernetes docs: pod lifecycle). */
export const assessPod = (object: KubeObject): Assessment => {
  const status = part(object, 'status')
  const phase = textAt(status, 'phase')
  if (phase === 'Succeeded') return current(rule, 'it has completed')
  if (phase === 'Failed')
    return failed(rule, textAt(status, 'message') ?? failedContainer(status) ?? textAt(status, 'reason') ?? 'it has failed')
  const ready = conditionOf(object, 'Ready')
  if (phase === 'Running' && isTrue(ready)) return current(rule, 'it is ready')
  return inProgress(rule, ready?.message ?? `it is ${phase ?? 'not scheduled'}`)
}
