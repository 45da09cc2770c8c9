import type { StepPlan } from '../model/plan.ts'
import type { Step } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import { planApply } from './apply.ts'
import { planHelm } from './helm.ts'
import type { PackageFiles } from './package/unpack.ts'

/**
 * What a step comes to on a target: pure.
 * @throws TelpherError empty_package, invalid_manifest, chart_invalid
 */
export const planStep = ({
  step,
  target,
  files,
}: {
  readonly step: Step
  readonly target: Target
  readonly files: PackageFiles
}): StepPlan => {
  const namespace = step.namespace ?? target.namespace
  return step.kind === 'apply' ? planApply(step, namespace, files) : planHelm(step, namespace, files)
}
