import { stepSchema } from '../model/step.ts'
import { planHelm } from '../steps/helm.ts'
import { invalidAt } from '../steps/manifests/object.ts'
import { selectObjects } from '../steps/manifests/select.ts'
import { unpack } from '../steps/package/unpack.ts'
import type { PlannedStep } from './pack.ts'

/**
 * Reads the package of a step as a worker will, so that what it cannot take is said at once.
 * @param only the one namespace that objects may name, if there is one
 * @throws TelpherError what the worker would end with; invalid_manifest for an object of another namespace
 */
export const tryStep = async ({ step, bytes }: Pick<PlannedStep, 'step' | 'bytes'>, only?: string): Promise<void> => {
  const { data: checked } = stepSchema.safeParse(step)
  // What is wrong with the step itself is the server's to say, with the field.
  if (checked === undefined) return
  const files = await unpack(bytes)
  if (checked.kind === 'helm') return void planHelm(checked, checked.namespace ?? 'default', files, {})
  const objects = selectObjects(files, checked.paths, checked.namespace ?? '')
  const other = only === undefined ? undefined : objects.find(({ namespace }) => namespace !== undefined && namespace !== only)
  if (other !== undefined)
    throw invalidAt(other, `${other.kind} ${other.name} is for namespace ${other.namespace}, and --namespace says ${only}: leave one out`)
}
