import type { Deployment, Job, LockName } from '../model/deployment.ts'
import { neededVersion } from '../model/envelope.ts'
import { newId } from '../model/ids.ts'
import { newJobState } from '../model/states.ts'
import type { DeploymentRequest, Step } from '../model/step.ts'
import type { Target } from '../model/target.ts'

/** What a step changes on a target, and nobody else may change meanwhile: a Helm release, or the inventory of its name. */
const lockOf = (step: Step, target: Target): LockName => ({
  clusterId: target.clusterId,
  namespace: step.namespace ?? target.namespace,
  subject: step.kind === 'helm' ? `helm:${step.release}` : `inventory:${step.name}`,
})

/**
 * A request as a deployment and its jobs: one for each step and target.
 * @param targets those that the request names or finds by its tag, each once
 * @param now ms since the epoch
 */
export const expand = (request: DeploymentRequest, targets: readonly Target[], now: number): { deployment: Deployment; jobs: Job[] } => {
  const id = newId('dep', now)
  const needed = Math.max(...request.steps.map(neededVersion))
  const needs = needed > 1 ? { needs: needed } : {}
  const jobs = request.steps.flatMap((step, stepIndex) =>
    targets.map(
      (target): Job => ({
        ...newJobState,
        deploymentId: id,
        jobId: newId('job', now),
        step,
        stepIndex,
        target: target.name,
        pool: target.pool,
        lock: lockOf(step, target),
        ...needs,
        createdAt: now,
      }),
    ),
  )
  const deployment: Deployment = {
    id,
    request,
    targets: targets.map(({ name }) => name),
    namespaces: [...new Set(jobs.map(({ lock }) => lock.namespace))].sort(),
    ...needs,
    state: 'pending',
    createdAt: now,
  }
  return { deployment, jobs }
}
