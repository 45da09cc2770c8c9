import { mustHoldNoCredential } from '../model/clear-credential.ts'
import type { SealedRecord } from '../model/credential.ts'
import type { Deployment } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Secret } from '../model/secret.ts'
import type { DeploymentRequest, Step } from '../model/step.ts'
import { deploymentSecretId, longestSecret, type StepSecret } from '../model/stepsecret.ts'
import type { Store } from '../store/index.ts'
import type { ApiDeps } from './context.ts'

/** A value that came with a request, and where its step wants it. */
interface Given {
  readonly stepIndex: number
  readonly path: string
  readonly value: Secret
}

/** A request as it may be stored, and the values that were taken out of it. */
export interface Kept {
  readonly request: DeploymentRequest
  readonly given: readonly Given[]
}

const secretsOf = (step: Step): [string, StepSecret][] => (step.kind === 'helm' ? Object.entries(step.setSecret ?? {}) : [])

const sizeProblem = (step: Step): string | undefined => {
  const sizes = secretsOf(step).map(([, secret]) => ('value' in secret ? Buffer.byteLength(secret.value.reveal()) : 0))
  const sum = sizes.reduce((total, size) => total + size, 0)
  return sum > longestSecret
    ? `the secrets of step ${step.name} have ${sum} bytes together, and at most ${longestSecret} are taken`
    : undefined
}

/** @throws TelpherError unknown_secret for a name that is not stored */
export const mustKnowSecrets = async ({ steps }: DeploymentRequest, { secrets }: Pick<Store, 'secrets'>): Promise<void> => {
  for (const [index, step] of steps.entries())
    for (const [path, secret] of secretsOf(step))
      if ('secret' in secret && (await secrets.find(secret.secret)) === undefined)
        throw new TelpherError('unknown_secret', `there is no secret ${secret.secret}`, { field: `steps.${index}.setSecret.${path}` })
}

/**
 * Takes the values of secrets out of a request: in their place stays what tells two of them apart.
 * @throws TelpherError credential_in_clear, unknown_secret for a name that is not stored, secret_refused when a step's are too long together
 */
export const keepSecrets = async (request: DeploymentRequest, { store, vault }: Pick<ApiDeps, 'store' | 'vault'>): Promise<Kept> => {
  mustHoldNoCredential(request)
  const given: Given[] = []
  const steps = request.steps.map((step, stepIndex): Step => {
    if (step.kind !== 'helm' || step.setSecret === undefined) return step
    const kept = secretsOf(step).map(([path, secret]): [string, StepSecret] => {
      if (!('value' in secret)) return [path, secret]
      given.push({ stepIndex, path, value: secret.value })
      return [path, { sealed: vault.fingerprint(secret.value) }]
    })
    return { ...step, setSecret: Object.fromEntries(kept) }
  })
  for (const [index, step] of request.steps.entries()) {
    const problem = sizeProblem(step)
    if (problem !== undefined) throw new TelpherError('secret_refused', problem, { field: `steps.${index}.setSecret` })
  }
  await mustKnowSecrets(request, store)
  return { request: { ...request, steps }, given }
}

/** The values under the id of their deployment. */
export const sealFor = ({ id }: Deployment, given: readonly Given[], { vault }: Pick<ApiDeps, 'vault'>): SealedRecord[] =>
  given.map(({ stepIndex, path, value }) => vault.seal(deploymentSecretId(id, stepIndex, path), 1, value))

/**
 * The values that were given for an earlier deployment, sealed for one that repeats it.
 * @throws TelpherError secret_expired when one is no longer kept, sealed_record when its key is missing
 */
export const sealAgain = async (
  earlier: Deployment,
  next: Deployment,
  { store, vault }: Pick<ApiDeps, 'store' | 'vault'>,
): Promise<SealedRecord[]> => {
  const wanted = next.request.steps.flatMap((step, stepIndex) =>
    secretsOf(step).flatMap(([path, secret]) => ('sealed' in secret ? [{ step, stepIndex, path }] : [])),
  )
  if (wanted.length === 0) return []
  const sealed = await store.secrets.ofDeployment(earlier.id)
  return wanted.map(({ step, stepIndex, path }) => {
    const id = deploymentSecretId(earlier.id, stepIndex, path)
    const record = sealed.get(id)
    if (record === undefined)
      throw new TelpherError('secret_expired', `the secret ${path} of step ${step.name} of ${earlier.id} is no longer kept`)
    return vault.seal(deploymentSecretId(next.id, stepIndex, path), 1, vault.open(record, id))
  })
}
