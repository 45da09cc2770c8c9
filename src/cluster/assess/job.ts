import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionOf, current, failed, inProgress, isTrue, numberAt, part, suspended } from './fields.ts'

const rule = 'Job'

/**
 * A Job is current when it has completed: one that only runs may still fail. FailureTarget says that it will have failed
 * as soon as its last pods have ended (Kubernetes docs: Jobs, terminal conditions).
 */
export const assessJob = (object: KubeObject): Assessment => {
  const status = part(object, 'status')
  const failure = [conditionOf(object, 'Failed'), conditionOf(object, 'FailureTarget')].find(isTrue)
  if (failure !== undefined) return failed(rule, `the Job failed: ${failure.message ?? failure.reason ?? 'no reason given'}`)
  if (isTrue(conditionOf(object, 'Complete'))) return current(rule, `${numberAt(status, 'succeeded') ?? 0} pods have succeeded`)
  if (part(object, 'spec')['suspend'] === true) return suspended(rule, 'the Job is suspended')
  return inProgress(rule, `${numberAt(status, 'active') ?? 0} pods are active, ${numberAt(status, 'failed') ?? 0} have failed`)
}
