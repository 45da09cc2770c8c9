import type { AttemptRef } from '../../model/deployment.ts'

/** The type of our Secrets: no controller puts anything into them, and admission can tell them from others. */
export const attemptSecretType = 'telpher.dev/attempt'

const label = {
  installation: 'telpher.dev/installation',
  deployment: 'telpher.dev/deployment',
  job: 'telpher.dev/job',
  attempt: 'telpher.dev/attempt',
}

/** The name of the Secret that the tokens of an attempt are bound to: the id of its job in the letters that names may have. */
export const attemptSecretName = ({ jobId, attempt }: AttemptRef): string =>
  `telpher-${jobId.toLowerCase().replaceAll('_', '-')}-${attempt}`

/** Finds the Secrets of one installation. */
export const installationSelector = (installation: string): string => `${label.installation}=${installation}`

/** An empty Secret: all that is of use in it is that it is there. */
export const attemptSecret = (attempt: AttemptRef, installation: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: attemptSecretType,
  immutable: true,
  metadata: {
    name: attemptSecretName(attempt),
    labels: {
      [label.installation]: installation,
      [label.deployment]: attempt.deploymentId,
      [label.job]: attempt.jobId,
      [label.attempt]: String(attempt.attempt),
    },
  },
})

/** The attempt that a Secret is of; undefined when its labels do not say so or its name is another's. */
export const attemptOf = (secret: {
  readonly metadata?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> }
}): AttemptRef | undefined => {
  const { name, labels = {} } = secret.metadata ?? {}
  const { [label.deployment]: deploymentId, [label.job]: jobId, [label.attempt]: number = '' } = labels
  if (deploymentId === undefined || jobId === undefined || !/^\d{1,6}$/.test(number)) return undefined
  const attempt = { deploymentId, jobId, attempt: Number(number) }
  return attemptSecretName(attempt) === name ? attempt : undefined
}
