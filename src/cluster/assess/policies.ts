import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionsOf, current, failed, generationOf, inProgress, numberAt, part, textAt } from './fields.ts'

/**
 * A CronJob is done when it is written: its last run was made from what was there before, so that its failure must not fail
 * the deployment that mends it.
 */
export const assessCronJob = (object: KubeObject): Assessment => {
  const status = part(object, 'status')
  const [ran, succeeded] = [textAt(status, 'lastScheduleTime'), textAt(status, 'lastSuccessfulTime')]
  if (part(object, 'spec')['suspend'] === true) return current('CronJob', 'it exists; its schedule is suspended')
  if (ran === undefined) return current('CronJob', 'it exists; it has not run yet')
  const isBehind = succeeded === undefined || Date.parse(succeeded) < Date.parse(ran)
  return current('CronJob', isBehind ? `it exists; its run of ${ran} has not succeeded` : `it exists; its run of ${ran} has succeeded`)
}

/** A budget is in force once its controller has counted; too few pods are the matter of their workload. */
export const assessBudget = (object: KubeObject): Assessment => {
  const rule = 'PodDisruptionBudget'
  const status = part(object, 'status')
  const observed = numberAt(status, 'observedGeneration')
  if (observed === undefined) return inProgress(rule, 'its controller has not seen it yet')
  if (observed < generationOf(object)) return inProgress(rule, `its controller has seen generation ${observed} of ${generationOf(object)}`)
  const broken = conditionsOf(object).find(({ reason }) => reason === 'SyncFailed')
  if (broken !== undefined) return failed(rule, `its pods cannot be counted: ${broken.message || 'SyncFailed'}`)
  return current(rule, `${numberAt(status, 'currentHealthy') ?? 0} pods are healthy, ${numberAt(status, 'desiredHealthy') ?? 0} are wanted`)
}
