import { z } from 'zod'
import { Secret } from './secret.ts'
import { nameSchema } from './target.ts'

/** What the masker's table has room for, in every form of it, in bytes of UTF-8; the secrets of one step have as much together. */
export const longestSecret = 8192

/** Shorter ones cannot be hidden in output: ordinary text would go with them. In bytes. */
export const shortestHidden = 4

/**
 * A secret of a step: one that is kept under a name; one that was sealed for this deployment alone, known by its keyed fingerprint; or
 * one as it was just given, which is never stored so and prints as asterisks.
 */
export type StepSecret = { readonly secret: string } | { readonly sealed: string } | { readonly value: Secret }

/** A secret of a step as it is asked for. */
export type StepSecretInput = { readonly secret: string } | { readonly value: string }

/**
 * What is wrong with the text of a secret, in words that go on from its name.
 * @returns undefined when nothing is
 */
export const secretProblem = (text: string): string | undefined => {
  if (text === '') return 'it is empty'
  const bytes = Buffer.byteLength(text)
  if (bytes > longestSecret) return `it has ${bytes} bytes, and at most ${longestSecret} are taken`
  if (!text.isWellFormed()) return 'it is not UTF-8'
  return text.includes('\0') ? 'it holds a zero byte, which no text has' : undefined
}

const text: z.ZodString = z.string().check(({ value, issues }) => {
  const problem = secretProblem(value)
  // The input is left out: an issue may be shown.
  if (problem !== undefined) issues.push({ code: 'custom', input: undefined, message: problem })
})

/** The body of PUT /v1/secrets/NAME. */
export const newSecretSchema: z.ZodType<{ value: Secret }, { value: string }> = z.strictObject({
  value: text.transform((value) => new Secret(value)),
})

const oneOf = z
  .strictObject({
    secret: nameSchema.optional(),
    value: text.optional(),
    sealed: z.string().optional(),
  })
  .check(({ value: { secret, value, sealed }, issues }) => {
    const message =
      sealed !== undefined
        ? 'sealed is how it is shown: give secret, the name of a stored one, or value'
        : (secret === undefined) === (value === undefined)
          ? 'give secret, the name of a stored one, or value, and not both'
          : undefined
    if (message !== undefined) issues.push({ code: 'custom', input: undefined, message })
  })
  .transform(({ secret, value }): StepSecret => (secret === undefined ? { value: new Secret(value ?? '') } : { secret }))

const most = 50
const valuePath = /^[^=,\s]+$/
const longestPath = 500

/** The secrets of a helm step, by value path as helm's --set takes it. */
export const stepSecretsSchema: z.ZodType<Record<string, StepSecret>, Record<string, StepSecretInput>> = z
  .record(z.string(), oneOf as z.ZodType<StepSecret, StepSecretInput>)
  .superRefine((secrets, context) => {
    const paths = Object.keys(secrets)
    if (paths.length > most) context.addIssue({ code: 'custom', message: `give at most ${most} secrets` })
    for (const path of paths)
      if (!valuePath.test(path) || path.length > longestPath)
        context.addIssue({ code: 'custom', path: [path], message: 'use the path of a value, such as db.password' })
  })

/** What is shown of a stored secret: never its value. */
export interface SecretSummary {
  readonly name: string
  /** Counts from 1; each new value is another one. */
  readonly version: number
  /** Keyed: the same value has the same one under one master key, and nobody without the key can try values. */
  readonly fingerprint: string
  readonly bytes: number
  /** ms since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** The id that a secret of one deployment is sealed under. */
export const deploymentSecretId = (deploymentId: string, stepIndex: number, path: string): string => `${deploymentId}/${stepIndex}/${path}`
