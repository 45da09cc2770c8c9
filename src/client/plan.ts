import { mustHoldNoCredential } from '../model/clear-credential.ts'
import type { Rollout } from '../model/rollout.ts'
import { type DeploymentRequestInput, type Standing, standingOf } from '../model/step.ts'
import { type LocalStep, type PlannedStep, packLocal } from './pack.ts'

/** Where a deployment goes. */
export interface Destination extends Standing {
  /** Names of targets; `tag` may say others. */
  readonly targets?: readonly string[]
  /** A tag, or an expression such as `env=prod and not legacy`. */
  readonly tag?: string
  readonly rollout?: Rollout
}

/** One step, or several that run one after the other on each target. */
export type LocalSteps = LocalStep | { readonly steps: readonly LocalStep[] /** Name of the deployment. */; readonly name?: string }

/**
 * What is on this disk as a request, and the packages that it names.
 * @param cwd what paths are relative to
 * @throws TelpherError as packLocal; credential_in_clear
 */
export const planLocal = async (
  given: Destination & LocalSteps,
  cwd: string,
): Promise<{ readonly planned: readonly PlannedStep[]; readonly request: DeploymentRequestInput }> => {
  const steps = 'steps' in given ? given.steps : [given]
  const planned = await Promise.all(steps.map((step) => packLocal(step, cwd)))
  const { targets = [], tag, rollout, name, ...rest } = given
  const request = {
    steps: planned.map(({ step }) => step),
    targets: [...targets],
    ...(tag === undefined ? {} : { tag }),
    ...(rollout === undefined ? {} : { rollout }),
    ...(name === undefined ? {} : { name }),
    ...standingOf(rest),
  }
  // Said before anything is sent.
  mustHoldNoCredential(request)
  return { planned, request }
}
