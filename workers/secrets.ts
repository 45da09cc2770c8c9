import type { Secret } from '../src/model/secret.ts'
import type { Step } from '../src/model/step.ts'
import { shortestHidden } from '../src/model/stepsecret.ts'

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

/** Whether a step has secrets at all. */
export const needsSecrets = (step: Step): boolean => step.kind === 'helm' && Object.keys(step.setSecret ?? {}).length > 0
