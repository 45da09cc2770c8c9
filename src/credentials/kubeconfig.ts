import { parseDocument } from 'yaml'
import { z } from 'zod'
import type { Credential } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import { nameSchema } from '../model/target.ts'
import { type PlainCredential, plainCredentialSchema } from './account.ts'
import { type ExecPlugin, execPluginIn } from './exec-plugin.ts'
import { harmless } from './harmless.ts'
import { isBundle } from './pem.ts'

/** Where a context leads. */
export interface Place {
  readonly server: string
  readonly ca: string
  readonly tlsServerName?: string
  readonly namespace?: string
}

/** What a target needs of a kubeconfig's context. */
export interface ImportedContext extends Place {
  readonly credential: PlainCredential
}

const largest = 1024 * 1024

const invalid = (field: string, why: string): TelpherError => new TelpherError('invalid_kubeconfig', `${field}: ${why}`, { field })

const passwords = 'passwords are no longer taken by Kubernetes; use a token or a client certificate'
const impersonation = 'impersonation is not taken over; use the credential of the account itself'
/** A path of a file that somebody else wrote sends any file of this machine to the server that it names. */
const paths = 'files that a kubeconfig names are not read; put them into one with: kubectl config view --raw --flatten --minify'
const refused: Readonly<Record<string, string>> = {
  username: passwords,
  password: passwords,
  as: impersonation,
  'as-groups': impersonation,
  'as-uid': impersonation,
  'as-user-extra': impersonation,
  tokenFile: paths,
  'client-certificate': paths,
  'client-key': paths,
  'certificate-authority': paths,
  'insecure-skip-tls-verify': 'a target must be verified; give its certificate authority',
  'proxy-url': 'proxies are not taken over from a kubeconfig',
}
/** What is taken, and what changes nothing (kubernetes.io: reference/config-api/kubeconfig.v1). */
const known: Readonly<Record<string, readonly string[]>> = {
  cluster: ['server', 'certificate-authority-data', 'tls-server-name', 'disable-compression', 'extensions'],
  user: ['token', 'client-certificate-data', 'client-key-data', 'extensions'],
}

const anyFields = z.record(z.string(), z.unknown())
const schema = z.object({
  apiVersion: z.literal('v1').optional(),
  kind: z.literal('Config').optional(),
  clusters: z.array(z.object({ name: z.string(), cluster: anyFields })).default([]),
  contexts: z
    .array(
      z.object({
        name: z.string(),
        context: z.object({ cluster: z.string(), user: z.string(), namespace: nameSchema.or(z.literal('')).optional() }).loose(),
      }),
    )
    .default([]),
  users: z.array(z.object({ name: z.string(), user: anyFields.nullable() })).default([]),
})

const treeOf = (text: string): unknown => {
  try {
    const document = parseDocument(text.replace(/^\uFEFF/, ''), { uniqueKeys: true, prettyErrors: false })
    // A tag that is not known is a warning of the parser; a kubeconfig has none.
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem !== undefined) throw invalid('file', `not YAML (${problem.code})`)
    return document.toJS({ maxAliasCount: 10 })
  } catch (thrown) {
    if (thrown instanceof TelpherError) throw thrown
    // Aliases that expand without end, or what is nested deeper than the parser's stack.
    throw invalid('file', 'its aliases expand too far, or it is nested too deep')
  }
}

const parse = (text: string): z.infer<typeof schema> => {
  if (text.length > largest) throw invalid('file', 'it is larger than 1 MiB')
  const parsed = schema.safeParse(treeOf(text))
  if (!parsed.success) throw invalid(harmless(parsed.error.issues[0]?.path.join('.') || 'file'), 'not a kubeconfig')
  return parsed.data
}

const text = (fields: Readonly<Record<string, unknown>>, name: string, where: string): string | undefined => {
  const value = fields[name]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw invalid(`${where}.${name}`, 'give a text')
  return value
}

const refuse = (kind: 'cluster' | 'user', fields: Readonly<Record<string, unknown>>, where: string): void => {
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'auth-provider' && value !== null)
      throw new TelpherError('kubeconfig_plugin', `${where}.${name}: Kubernetes has no such plugins any more`, {
        field: `${where}.${name}`,
      })
    if (known[kind]?.includes(name) || value === false || value === '' || value === null) continue
    const why = Object.hasOwn(refused, name) ? refused[name] : undefined
    throw invalid(`${where}.${harmless(name.slice(0, 64))}`, why ?? `a ${kind} of a kubeconfig has no such field`)
  }
}

/** Strict, since Buffer passes over whatever is not base64. */
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const decoded = (fields: Readonly<Record<string, unknown>>, name: string, where: string): string | undefined => {
  const data = text(fields, name, where)?.replaceAll(/\s/g, '')
  if (data === undefined) return undefined
  if (!base64.test(data)) throw invalid(`${where}.${name}`, 'not base64')
  return Buffer.from(data, 'base64').toString('utf8')
}

const wordsOf: Readonly<Record<string, string>> = {
  token: 'token',
  certificate: 'client-certificate-data',
  key: 'client-key-data',
}

const credentialIn = (user: Readonly<Record<string, unknown>>, where: string): PlainCredential => {
  const certificate = decoded(user, 'client-certificate-data', where)
  const key = decoded(user, 'client-key-data', where)
  const token = text(user, 'token', where)
  if ((certificate === undefined) !== (key === undefined)) throw invalid(where, 'a client certificate and its key belong together')
  if (certificate === undefined && token === undefined) throw invalid(where, 'it has neither a token nor a client certificate')
  const read = plainCredentialSchema.safeParse(
    certificate === undefined ? { kind: 'bearer', token } : { kind: 'client-certificate', certificate, key },
  )
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw invalid(`${where}.${wordsOf[String(issue?.path[0])]}`, issue?.message ?? 'it cannot be read')
}

const serverIn = (cluster: Readonly<Record<string, unknown>>, where: string): string => {
  const server = text(cluster, 'server', where)
  if (server === undefined || !URL.canParse(server) || new URL(server).protocol !== 'https:')
    throw invalid(`${where}.server`, 'use an https:// address')
  const { username, password, search, hash } = new URL(server)
  if (username !== '' || password !== '' || search !== '' || hash !== '' || /[\p{Cc}\s\\]/u.test(server))
    throw invalid(`${where}.server`, 'use an address of host, port and path alone')
  return server
}

/** The one of a name; of two the tools of the field take different ones. */
const only = <T extends { readonly name: string }>(all: readonly T[], name: string, where: string): { value: T; field: string } => {
  const at = all.findIndex((entry) => entry.name === name)
  const value = all[at]
  if (value === undefined) {
    const names = all.map((entry) => JSON.stringify(harmless(entry.name))).join(', ') || 'none'
    throw invalid(where, `there is no ${where.slice(0, -1)} "${harmless(name)}"; the file has: ${names}`)
  }
  if (all.some((entry, index) => index > at && entry.name === name)) throw invalid(where, `there are two of the name "${harmless(name)}"`)
  return { value, field: `${where}[${at}]` }
}

/** Where a context leads, and who goes there: either a credential or the program that gives one. */
interface ReadContext {
  readonly place: Place
  readonly user: Readonly<Record<string, unknown>>
  readonly userField: string
  readonly plugin?: ExecPlugin
}

const readContext = (content: string, name: string): ReadContext => {
  const config = parse(content)
  const { context } = only(config.contexts, name, 'contexts').value
  const { value: clusterEntry, field: clusterAt } = only(config.clusters, context.cluster, 'clusters')
  const { value: userEntry, field: userAt } = only(config.users, context.user, 'users')
  const { cluster } = clusterEntry
  const [clusterField, userField] = [`${clusterAt}.cluster`, `${userAt}.user`]
  const { exec, ...user } = userEntry.user ?? {}
  refuse('cluster', cluster, clusterField)
  refuse('user', user, userField)
  const server = serverIn(cluster, clusterField)
  const tlsServerName = text(cluster, 'tls-server-name', clusterField)
  const ca = decoded(cluster, 'certificate-authority-data', clusterField) ?? ''
  if (ca !== '' && !isBundle(ca)) throw invalid(`${clusterField}.certificate-authority-data`, 'not certificates in PEM')
  return {
    place: {
      server,
      ca,
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
      ...(context.namespace === undefined || context.namespace === '' ? {} : { namespace: context.namespace }),
    },
    user,
    userField,
    ...(exec === undefined || exec === null ? {} : { plugin: execPluginIn(exec, `${userField}.exec`) }),
  }
}

/**
 * Reads one context of a kubeconfig by a strict schema, of which nothing is run, opened or looked up: what runs programs, names files, skips
 * verification or acts for others is refused with its field, and no value of a credential appears in an error.
 * @param content the text of the kubeconfig
 * @param name of the context
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const readKubeconfig = (content: string, name: string): ImportedContext => {
  const { place, user, userField, plugin } = readContext(content, name)
  if (plugin !== undefined)
    throw new TelpherError('kubeconfig_plugin', `${userField}.exec: programs named by a kubeconfig are not run here`, {
      field: `${userField}.exec`,
    })
  return { ...place, credential: credentialIn(user, userField) }
}

/**
 * Where a context leads, whoever goes there.
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const readPlace = (content: string, name: string): Place => readContext(content, name).place

/**
 * The same for whoever may run the program that the context's user has in place of a credential.
 * @param obtain runs it, after asking; it is called for such a user only
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin, and what `obtain` throws
 */
export const readKubeconfigWith = async (
  content: string,
  name: string,
  obtain: (plugin: ExecPlugin, place: Place) => Promise<PlainCredential>,
): Promise<ImportedContext> => {
  const { place, user, userField, plugin } = readContext(content, name)
  return { ...place, credential: plugin === undefined ? credentialIn(user, userField) : await obtain(plugin, place) }
}

/** The credential of a context as a connection takes it. @param id by which it is told from others */
export const heldCredential = ({ credential }: ImportedContext, id: string): Credential => {
  if (credential.kind === 'client-certificate') return { ...credential, id, key: new Secret(credential.key) }
  if (credential.kind === 'bearer') return { id, kind: 'bearer', token: new Secret(credential.token) }
  throw new TelpherError('internal', 'a context gave what no kubeconfig holds')
}
