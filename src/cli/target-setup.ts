import { connect } from '../cluster/connection.ts'
import type { PlainCredential } from '../credentials/account.ts'
import {
  applySetup,
  bootstrapSecret,
  type PlannedObject,
  planSetup,
  removeSetup,
  takeBackSetup,
  takeBootstrapToken,
} from '../credentials/bootstrap/apply.ts'
import { exchangeToken, type Given } from '../credentials/bootstrap/exchange.ts'
import { namesOf, ownTokenSeconds, type SetupOptions, setupObjects, targetLabel } from '../credentials/bootstrap/objects.ts'
import { proveSetup, refuseRisks } from '../credentials/bootstrap/prove.ts'
import { type Risk, risksOf } from '../credentials/bootstrap/risks.ts'
import { deployerRules } from '../credentials/bootstrap/rules.ts'
import { heldCredential, type ImportedContext, type Place } from '../credentials/kubeconfig.ts'
import type { Api } from '../credentials/modes/ask.ts'
import type { Credential } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import { Secret } from '../model/secret.ts'
import { quoted } from '../model/shell.ts'
import { confirm } from './confirm.ts'
import type { Cli } from './context.ts'
import { yamlOf } from './output.ts'
import { readSecretValue } from './secret-value.ts'

export interface SetupFlags {
  readonly clusterWide?: boolean
  readonly home: string
  readonly yes?: boolean
  readonly printRbac?: boolean
  readonly bootstrapToken?: string
  readonly acknowledge?: readonly Risk[]
}

/** Every cluster has them. */
const othersHomes: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

/** What is to be set up for a target. @throws TelpherError usage when it does not say where it may deploy to */
export const setupOptionsOf = (target: string, namespaces: readonly string[], flags: SetupFlags): SetupOptions => {
  const { clusterWide = false, home } = flags
  if (namespaces.length === 0 && !clusterWide)
    throw new TelpherError('usage', 'say where it may deploy to: --namespace NAME, or --cluster-wide', { field: '--namespace' })
  // Who may write Secrets there could make a token of the bootstrap identity.
  if (namespaces.includes(home))
    throw new TelpherError('usage', `${home} is for Telpher's own accounts: deploy elsewhere, or name another with --home`, {
      field: '--home',
    })
  if (othersHomes.includes(home))
    throw new TelpherError('usage', `${home} has Secrets of others, which the bootstrap identity could read: name another with --home`, {
      field: '--home',
    })
  return { target, home, namespaces, clusterWide }
}

const connectTo = ({ server, ca, tlsServerName }: Place) => {
  return (credential: Credential): ClusterConnection =>
    connect({ server, ca, ...(tlsServerName === undefined ? {} : { tlsServerName }) }, credential)
}

const places = ({ clusterWide, namespaces }: SetupOptions): string => (clusterWide ? 'every namespace' : namespaces.join(', '))

/** What would be made where, for people. */
export const planLines = (planned: readonly PlannedObject[], server: string): readonly string[] => [
  `At ${server}:`,
  ...planned.map(
    ({ action, object: { kind, metadata } }) =>
      `  ${action}  ${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`,
  ),
]

const planText = (planned: readonly PlannedObject[], options: SetupOptions, server: string): string => {
  const { bootstrap, deployer } = namesOf(options.target)
  return [
    ...planLines(planned, server),
    `${deployer} may write applications in ${places(options)}; attempts get tokens of it that end with them.`,
    `${bootstrap} may do nothing but mint them and its own next token; that token is what Telpher keeps, sealed. The context's credential is not sent anywhere else.`,
  ].join('\n')
}

/** What people apply by themselves: with it the Secret that the token is bound to which they mint, so that it can be ended. */
const printedObjects = (options: SetupOptions): readonly object[] => [...setupObjects(options), bootstrapSecret(options)]

/** The same as one object. */
export const rbacList = (options: SetupOptions): object => ({ apiVersion: 'v1', kind: 'List', items: printedObjects(options) })

const usualHome = 'telpher'

/** The flags that say the same set-up again. */
const flagsOf = ({ clusterWide, namespaces, home }: SetupOptions, acknowledged: readonly Risk[]): string =>
  [
    ...(clusterWide ? ['--cluster-wide'] : []),
    ...namespaces.map((namespace) => `--namespace ${namespace}`),
    ...(home === usualHome ? [] : [`--home ${home}`]),
    ...acknowledged.map((risk) => `--acknowledge ${risk}`),
  ].join(' ')

/** The same as documents, and how it goes on. */
export const rbacText = async (options: SetupOptions, context: string, acknowledged: readonly Risk[] = []): Promise<string> => {
  const { target, home } = options
  const { bootstrap } = namesOf(target)
  const documents = await Promise.all(printedObjects(options).map((object) => yamlOf(object)))
  return [
    '# Apply this, then give Telpher a token of ten minutes. It takes one of its own with it at once, and ends that one:',
    `#   kubectl create token ${bootstrap} --namespace ${home} --duration 10m --bound-object-kind Secret --bound-object-name ${bootstrap} \\`,
    `#     | telpher target add ${target} --from-kubeconfig ${quoted(context)} ${flagsOf(options, acknowledged)} --bootstrap-token -`,
    documents.join('---\n'),
  ].join('\n')
}

/** Does something with a context's rights, which are forgotten then. */
export const withAdmin = async <T>(context: ImportedContext, work: (admin: Api) => Promise<T>): Promise<T> => {
  const connection = connectTo(context)(heldCredential(context, 'context'))
  try {
    return await work({ server: context.server, connection })
  } finally {
    connection.close()
  }
}

/**
 * Sets up with the context's rights: plan, question, apply.
 * @returns the plan
 * @throws TelpherError usage, setup_refused, target_*
 */
export const applyIdentity = (cli: Cli, context: ImportedContext, options: SetupOptions, yes: boolean): Promise<readonly PlannedObject[]> =>
  withAdmin(context, async (admin) => {
    const planned = await planSetup(admin, options)
    cli.say(planText(planned, options, context.server))
    if (!yes) await confirm(cli, 'Set this up?', '--yes')
    await applySetup(admin, planned)
    return planned
  })

/**
 * A token of the bootstrap identity, taken with the context's rights; all others of it are dead after it.
 * @throws TelpherError setup_refused, target_*
 */
export const takeBootstrap = async (context: ImportedContext, options: SetupOptions): Promise<PlainCredential> => ({
  kind: 'token-request',
  token: await withAdmin(context, (admin) => takeBootstrapToken(admin, options, ownTokenSeconds)),
  namespace: options.home,
  serviceAccount: namesOf(options.target).deployer,
})

/** Proves an identity with its token alone. @returns the account to be sealed by the server */
const prove = async (
  cli: Cli,
  place: Place,
  options: SetupOptions,
  acknowledged: readonly Risk[],
  token: string,
): Promise<PlainCredential> => {
  const bootstrap: Credential = { id: 'bootstrap', kind: 'bearer', token: new Secret(token) }
  const { username, risks } = await proveSetup(bootstrap, connectTo(place), { ...options, server: place.server })
  refuseRisks(risks, acknowledged)
  cli.say(`Proven with the new identity alone: it mints tokens of ${username}, and the policies hold.`)
  return { kind: 'token-request', token, namespace: options.home, serviceAccount: namesOf(options.target).deployer }
}

/** Nobody has what the set-up was for: rights and a token that nobody looks after are not left in the cluster. */
const takeBack = async (cli: Cli, context: ImportedContext, plan: readonly PlannedObject[], options: SetupOptions): Promise<void> => {
  try {
    const removed = await withAdmin(context, (admin) => takeBackSetup(admin, plan, options))
    cli.say(`The set-up is taken back: ${removed.length} objects were removed.`)
  } catch (error) {
    const { target } = options
    const why = error instanceof Error ? error.message : String(error)
    cli.say(
      `The set-up could not be taken back (${why}). Its objects have the label ${targetLabel}=${target}; run: telpher target add again.`,
    )
  }
}

/** An identity that was set up, and how to take it back while nobody has it. */
export interface SetUp {
  /** To be sealed by the server. */
  readonly account: PlainCredential
  takeBack(): Promise<void>
}

/**
 * Gives a target an identity of its own in its cluster, and proves it with that alone; one that cannot be proven is taken back.
 * @throws TelpherError usage, setup_refused, mint_refused, target_*
 */
export const setUpIdentity = async (
  cli: Cli,
  context: ImportedContext,
  options: SetupOptions,
  { acknowledge = [], yes = false }: SetupFlags,
): Promise<SetUp> => {
  refuseRisks(risksOf(deployerRules, options.clusterWide), acknowledge)
  const plan = await applyIdentity(cli, context, options, yes)
  try {
    const token = await withAdmin(context, (admin) => takeBootstrapToken(admin, options, ownTokenSeconds))
    const account = await prove(cli, context, options, acknowledge, token)
    return { account, takeBack: () => takeBack(cli, context, plan, options) }
  } catch (error) {
    await takeBack(cli, context, plan, options)
    throw error
  }
}

/** What became of the token that somebody gave. */
const sayOfGiven = ({ ended, expiresAt }: Given, now: number): string => {
  if (ended) return 'The token that was given is not kept: Telpher has its own now, and has ended that one.'
  const until = expiresAt === undefined ? 'never ends' : `ends by itself in ${Math.max(1, Math.ceil((expiresAt - now) / 60_000))} min`
  return `The token that was given is not kept: Telpher has its own now. Nobody can end that one, since it is bound to nothing: it ${until}.`
}

/**
 * The same of an identity that somebody set up already.
 * @param from where the token of its bootstrap identity is read: a file, or `-`; it is used once, for the identity's own next one
 * @throws TelpherError usage, setup_refused, mint_refused, rotation_mint, target_*
 */
export const takeIdentity = async (
  cli: Cli,
  place: Place,
  options: SetupOptions,
  from: string,
  { acknowledge = [] }: SetupFlags,
): Promise<PlainCredential> => {
  refuseRisks(risksOf(deployerRules, options.clusterWide), acknowledge)
  const given = (await readSecretValue(cli, from, '--bootstrap-token')).trim()
  const taken = await exchangeToken(given, connectTo(place), { ...options, server: place.server })
  cli.say(sayOfGiven(taken, Date.now()))
  return prove(cli, place, options, acknowledge, taken.token)
}

/** Removes what was set up for a target. @returns what was removed */
export const removeIdentity = (context: ImportedContext, options: Omit<SetupOptions, 'clusterWide'>): Promise<readonly string[]> =>
  withAdmin(context, (admin) => removeSetup(admin, options))
