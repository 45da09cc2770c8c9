import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import type { PlainCredential } from './account.ts'

/** What a target needs of a kubeconfig's context. */
export interface ImportedContext {
  readonly server: string
  readonly ca: string
  readonly tlsServerName?: string
  readonly namespace?: string
  readonly credential: PlainCredential
}

export interface KubeconfigOptions {
  readonly context: string
  /** Where the kubeconfig lies: its relative paths start there. */
  readonly path: string
  readonly readFile: (path: string) => Promise<string>
}

const largest = 1024 * 1024

const invalid = (field: string, why: string): TelpherError => new TelpherError('invalid_kubeconfig', `${field}: ${why}`, { field })

/** Users' fields that run programs or plugins; reading such a file must never start anything. */
const plugins = ['exec', 'auth-provider'] as const
const refused: Readonly<Record<string, string>> = {
  username: 'passwords are no longer taken by Kubernetes; use a token or a client certificate',
  password: 'passwords are no longer taken by Kubernetes; use a token or a client certificate',
  as: 'impersonation is not taken over; use the credential of the account itself',
  'as-groups': 'impersonation is not taken over; use the credential of the account itself',
  'as-uid': 'impersonation is not taken over; use the credential of the account itself',
  'insecure-skip-tls-verify': 'a target must be verified; give its certificate authority',
  'proxy-url': 'proxies are not taken over from a kubeconfig',
}

const named = <T extends z.ZodType>(field: string, body: T) => z.object({ name: z.string(), [field]: body })
const schema = z.object({
  clusters: z.array(named('cluster', z.record(z.string(), z.unknown()))).default([]),
  contexts: z
    .array(
      z.object({
        name: z.string(),
        context: z.object({ cluster: z.string(), user: z.string(), namespace: z.string().optional() }).loose(),
      }),
    )
    .default([]),
  users: z.array(named('user', z.record(z.string(), z.unknown()).nullable())).default([]),
})

const parse = (text: string): z.infer<typeof schema> => {
  if (text.length > largest) throw invalid('file', 'it is larger than 1 MiB')
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { uniqueKeys: true, prettyErrors: false })
  const problem = document.errors[0]
  if (problem !== undefined) throw invalid('file', `not YAML (${problem.code})`)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 10 })
  } catch {
    throw invalid('file', 'its aliases expand too far')
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw invalid(parsed.error.issues[0]?.path.join('.') || 'file', 'not a kubeconfig')
  return parsed.data
}

const text = (fields: Readonly<Record<string, unknown>>, name: string, where: string): string | undefined => {
  const value = fields[name]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw invalid(`${where}.${name}`, 'give a text')
  return value
}

const refuse = (fields: Readonly<Record<string, unknown>>, where: string): void => {
  for (const plugin of plugins)
    if (fields[plugin] !== undefined && fields[plugin] !== null)
      throw new TelpherError('kubeconfig_plugin', `${where}.${plugin}: programs named by a kubeconfig are not run`, {
        field: `${where}.${plugin}`,
      })
  for (const [name, why] of Object.entries(refused))
    if (fields[name] !== undefined && fields[name] !== false && fields[name] !== '') throw invalid(`${where}.${name}`, why)
}

/** A value given in the file itself (base64) or as a path beside it. */
const material = async (
  fields: Readonly<Record<string, unknown>>,
  name: string,
  where: string,
  options: KubeconfigOptions,
): Promise<string | undefined> => {
  const data = text(fields, `${name}-data`, where)
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = text(fields, name, where)
  if (path === undefined) return undefined
  return options.readFile(resolve(dirname(options.path), path)).catch(() => {
    throw invalid(`${where}.${name}`, 'the file cannot be read')
  })
}

const credentialIn = async (
  user: Readonly<Record<string, unknown>>,
  where: string,
  options: KubeconfigOptions,
): Promise<PlainCredential> => {
  const certificate = await material(user, 'client-certificate', where, options)
  const key = await material(user, 'client-key', where, options)
  if (certificate !== undefined && key !== undefined) return { kind: 'client-certificate', certificate, key }
  if (certificate !== undefined || key !== undefined) throw invalid(where, 'a client certificate and its key belong together')
  const file = text(user, 'tokenFile', where)
  const token = file === undefined ? text(user, 'token', where) : (await options.readFile(resolve(dirname(options.path), file))).trim()
  if (token === undefined) throw invalid(where, 'it has neither a token nor a client certificate')
  return { kind: 'bearer', token }
}

/**
 * Reads one context of a kubeconfig by a strict schema: what runs programs, skips verification or acts for others is
 * refused with its field, and no value of the file appears in an error.
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const readKubeconfig = async (content: string, options: KubeconfigOptions): Promise<ImportedContext> => {
  const config = parse(content)
  const context = config.contexts.find(({ name }) => name === options.context)?.context
  if (context === undefined) {
    const names = config.contexts.map(({ name }) => name).join(', ') || 'none'
    throw invalid('contexts', `there is no context "${options.context}"; the file has: ${names}`)
  }
  const clusterAt = config.clusters.findIndex(({ name }) => name === context.cluster)
  const userAt = config.users.findIndex(({ name }) => name === context.user)
  const cluster = config.clusters[clusterAt]?.['cluster'] as Record<string, unknown> | undefined
  const user = config.users[userAt]?.['user'] as Record<string, unknown> | null | undefined
  if (cluster === undefined) throw invalid('clusters', `there is no cluster "${context.cluster}"`)
  if (user === undefined || user === null) throw invalid('users', `there is no user "${context.user}"`)
  const clusterField = `clusters[${clusterAt}].cluster`
  const userField = `users[${userAt}].user`
  refuse(cluster, clusterField)
  refuse(user, userField)
  const server = text(cluster, 'server', clusterField)
  if (server === undefined || !URL.canParse(server) || new URL(server).protocol !== 'https:')
    throw invalid(`${clusterField}.server`, 'use an https:// address')
  const tlsServerName = text(cluster, 'tls-server-name', clusterField)
  return {
    server,
    ca: (await material(cluster, 'certificate-authority', clusterField, options)) ?? '',
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(context.namespace === undefined ? {} : { namespace: context.namespace }),
    credential: await credentialIn(user, userField, options),
  }
}
