import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import { type PlainCredential, plainCredentialSchema } from './account.ts'
import { harmless } from './harmless.ts'

/** A program that gives a kubeconfig's user a credential (kubernetes.io: reference/access-authn-authz/authentication, credential plugins). */
export interface ExecPlugin {
  readonly apiVersion: string
  readonly command: string
  readonly args: readonly string[]
  /** Added to the environment of who runs it. */
  readonly env: Readonly<Record<string, string>>
  /** What to do where the program is missing. */
  readonly installHint?: string
  /** Whether it wants to be told of the cluster. */
  readonly provideClusterInfo: boolean
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always'
}

/** v1alpha1 went with Kubernetes 1.24. */
const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const

const word = z.string().regex(/^[^\0]*$/)
const schema = z.strictObject({
  apiVersion: z.enum(versions),
  command: word.min(1),
  args: z.array(word).nullish(),
  env: z.array(z.strictObject({ name: z.string().regex(/^[^=\0]+$/), value: word })).nullish(),
  installHint: z.string().nullish(),
  provideClusterInfo: z.boolean().nullish(),
  interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
})

/**
 * Reads the `exec` of a kubeconfig's user. Nothing is run.
 * @param where its field, for errors
 * @throws TelpherError kubeconfig_plugin when it is not as Kubernetes says
 */
export const execPluginIn = (exec: unknown, where: string): ExecPlugin => {
  const parsed = schema.safeParse(exec)
  if (!parsed.success) {
    const { path } = parsed.error.issues[0] ?? { path: [] }
    const at = harmless(['', ...path].join('.'))
    throw new TelpherError('kubeconfig_plugin', `${where}${at}: not as client.authentication.k8s.io/v1 has it`, { field: where })
  }
  const { apiVersion, command, args, env, installHint, provideClusterInfo, interactiveMode } = parsed.data
  return {
    apiVersion,
    command,
    args: args ?? [],
    env: Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
    ...(typeof installHint === 'string' && installHint !== '' ? { installHint } : {}),
    provideClusterInfo: provideClusterInfo ?? false,
    interactiveMode: interactiveMode ?? 'IfAvailable',
  }
}

const answerSchema = z.object({
  kind: z.literal('ExecCredential'),
  apiVersion: z.string(),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
  }),
})

const bad = (why: string): TelpherError => new TelpherError('kubeconfig_plugin', `the program's answer: ${why}`)

/**
 * The credential that a plugin printed. No value of it appears in an error.
 * @param printed its standard output
 * @throws TelpherError kubeconfig_plugin when it is no ExecCredential of the version that was asked for, or has no credential
 */
export const credentialPrinted = ({ apiVersion }: ExecPlugin, printed: string): PlainCredential => {
  let value: unknown
  try {
    value = JSON.parse(printed)
  } catch {
    throw bad('not JSON')
  }
  const answer = answerSchema.safeParse(value)
  if (!answer.success) throw bad('not an ExecCredential with a status')
  if (answer.data.apiVersion !== apiVersion) throw bad(`another version than ${apiVersion}`)
  const { token, clientCertificateData: certificate, clientKeyData: key } = answer.data.status
  const credential = plainCredentialSchema.safeParse(
    token === undefined ? { kind: 'client-certificate', certificate, key } : { kind: 'bearer', token },
  )
  if (!credential.success) throw bad('neither a token nor a client certificate with its key')
  return credential.data
}
