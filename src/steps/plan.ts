import type { AttemptRef } from '../model/deployment.ts'
import type { StepPlan } from '../model/plan.ts'
import type { Secret } from '../model/secret.ts'
import type { Step } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import { planApply } from './apply.ts'
import { planHelm } from './helm.ts'
import { releaseLabels } from './helm-origin.ts'
import type { PackageFiles } from './package/unpack.ts'

/**
 * What a step comes to on a target: pure.
 * @param options.origin whose attempt it is: a Helm release remembers it
 * @throws TelpherError empty_package, invalid_manifest, chart_invalid
 */
export const planStep = ({
  step,
  target,
  files,
  origin,
  secrets,
}: {
  readonly step: Step
  readonly target: Target
  readonly files: PackageFiles
  readonly origin: AttemptRef
  /** The values of the step's secrets, by their paths. */
  readonly secrets?: ReadonlyMap<string, Secret>
}): StepPlan => {
  const namespace = step.namespace ?? target.namespace
  return step.kind === 'apply' ? planApply(step, namespace, files) : planHelm(step, namespace, files, releaseLabels(origin), secrets)
}
