import type { Vault } from '../../credentials/vault.ts'
import type { Job } from '../../model/deployment.ts'
import { TelpherError } from '../../model/errors.ts'
import type { Secret } from '../../model/secret.ts'
import { deploymentSecretId, longestSecret, type StepSecret } from '../../model/stepsecret.ts'
import type { Store } from '../../store/index.ts'

/**
 * Opens the secrets of an attempt's step: a stored one as it is now, others as they were given for the deployment.
 * @returns the values by value path
 * @throws TelpherError unknown_secret, secret_expired, sealed_record; secret_refused when they are too long together to be hidden
 */
export const openSecrets = async (
  job: Job,
  store: Pick<Store, 'secrets'>,
  vault: Pick<Vault, 'open'>,
): Promise<ReadonlyMap<string, Secret>> => {
  const { step, deploymentId, stepIndex } = job
  const wanted = step.kind === 'helm' ? Object.entries(step.setSecret ?? {}) : []
  if (wanted.length === 0) return new Map()
  const given = await store.secrets.ofDeployment(deploymentId)
  const open = async (path: string, secret: StepSecret): Promise<Secret> => {
    if ('secret' in secret) return vault.open(await store.secrets.get(secret.secret), secret.secret)
    const id = deploymentSecretId(deploymentId, stepIndex, path)
    const record = given.get(id)
    if (record === undefined) throw new TelpherError('secret_expired', `the secret ${path} of step ${step.name} is no longer kept`)
    return vault.open(record, id)
  }
  const opened = new Map(await Promise.all(wanted.map(async ([path, secret]) => [path, await open(path, secret)] as const)))
  const sum = [...opened.values()].reduce((total, secret) => total + Buffer.byteLength(secret.reveal()), 0)
  if (sum > longestSecret)
    throw new TelpherError(
      'secret_refused',
      `the secrets of step ${step.name} have ${sum} bytes together, and at most ${longestSecret} are taken`,
      {
        field: 'setSecret',
      },
    )
  return opened
}
