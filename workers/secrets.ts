import type { Vault } from '../src/credentials/vault.ts'
import type { Job } from '../src/model/deployment.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { Secret } from '../src/model/secret.ts'
import { deploymentSecretId, longestSecret, type StepSecret, shortestHidden } from '../src/model/stepsecret.ts'
import { type Store, untilThrough } from '../src/store/index.ts'

/** The values of a step's secrets, by value path. */
export type StepSecrets = ReadonlyMap<string, Secret>

/** Those that are long enough to be hidden in output. */
export const hiddenOf = (secrets: StepSecrets): Secret[] =>
  [...secrets.values()].filter((secret) => Buffer.byteLength(secret.reveal()) >= shortestHidden)

/** What the log says of those that are not. */
export const notHidden = (secrets: StepSecrets): string[] =>
  [...secrets]
    .filter(([, secret]) => Buffer.byteLength(secret.reveal()) < shortestHidden)
    .map(([path]) => `warning: the secret ${path} has fewer than ${shortestHidden} bytes: it is not hidden in this output`)

/**
 * Opens the secrets of an attempt's step: a stored one as it is now, others as they were given for the deployment.
 * @throws TelpherError unknown_secret, secret_expired, sealed_record; secret_refused when they are too long together to be hidden
 */
export const openSecrets = async (job: Job, store: Pick<Store, 'secrets'>, vault: Pick<Vault, 'open'>): Promise<StepSecrets> => {
  const { step, deploymentId, stepIndex } = job
  const wanted = step.kind === 'helm' ? Object.entries(step.setSecret ?? {}) : []
  if (wanted.length === 0) return new Map()
  const given = await untilThrough(() => store.secrets.ofDeployment(deploymentId))
  const open = async (path: string, secret: StepSecret): Promise<Secret> => {
    if ('secret' in secret) {
      const record = await untilThrough(() => store.secrets.get(secret.secret))
      return vault.open(record, secret.secret)
    }
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
