import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionOf, current, failed, inProgress, isTrue, type Known } from './fields.ts'

/** The rule's name: whoever watches gives it the time that new pods take until they have metrics. */
export const autoscalerRule = 'HorizontalPodAutoscaler'

/**
 * An autoscaler works when it can read what it scales and by what (Kubernetes docs: horizontal pod autoscaling, status
 * conditions). One whose workload is scaled to zero rests as it should, and one that nobody has looked at for a while is
 * not waited for.
 */
export const assessAutoscaler = (object: KubeObject, { settled = false }: Known): Assessment => {
  const [able, active] = [conditionOf(object, 'AbleToScale'), conditionOf(object, 'ScalingActive')]
  if (able === undefined && active === undefined)
    return settled
      ? current(autoscalerRule, 'it exists; its controller has not looked at it yet')
      : inProgress(autoscalerRule, 'its controller has not looked at it yet')
  if (active?.reason === 'ScalingDisabled') return current(autoscalerRule, 'it rests: its workload is scaled to zero')
  for (const condition of [able, active])
    if (condition?.status === 'False')
      return failed(autoscalerRule, `it cannot scale: ${condition.message || condition.reason || condition.type}`)
  const limited = conditionOf(object, 'ScalingLimited')
  return current(autoscalerRule, isTrue(limited) ? `it scales, up to its limit: ${limited?.message ?? ''}` : 'it scales')
}
