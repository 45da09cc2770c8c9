import type { Client } from '../client/http.ts'
import type { PlainCredential } from '../credentials/account.ts'
import type { ImportedContext, Place } from '../credentials/kubeconfig.ts'
import { TelpherError } from '../model/errors.ts'
import { type AccountMode, nameSchema } from '../model/target.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { gracesOf } from './graces.ts'
import { adminContextOf, type ContextFlags, contextOf, placeOf } from './kubeconfig-context.ts'
import { wholeNumber } from './number.ts'
import { print } from './output.ts'
import { seconds } from './seconds.ts'
import { rbacList, rbacText, type SetupFlags, setUpIdentity, setupOptionsOf, takeIdentity } from './target-setup.ts'

interface AddFlags extends SetupFlags, ContextFlags {
  readonly fromKubeconfig: string
  readonly namespace?: readonly string[]
  readonly tag?: readonly string[]
  readonly pool?: string
  readonly grant?: readonly string[]
  readonly settle?: string
  readonly grace?: readonly string[]
  readonly trials?: boolean
  readonly limit?: string
  readonly clusterLimit?: string
  readonly mode: AccountMode
}

/** The API server's address from within its cluster (Kubernetes docs: accessing the API from a pod). */
const inClusterServer = 'https://kubernetes.default.svc'

/** The context's own credential, as the mode says it is. */
const ownCredential = ({ credential }: ImportedContext, mode: AccountMode): PlainCredential => {
  const kind = credential.kind === 'bearer' ? 'static-token' : credential.kind
  if (kind !== mode) throw new TelpherError('invalid_kubeconfig', `the context has a ${kind}: say --mode ${kind}`, { field: '--mode' })
  return credential
}

/** Names become parts of paths at the API server, so they are looked at before anything is asked there. */
const mustBeName = (field: string, name: string): void => {
  const parsed = nameSchema.safeParse(name)
  if (!parsed.success) throw new TelpherError('invalid_input', `${field}: ${parsed.error.issues[0]?.message}`, { field })
}

/** Before anything is made in the cluster: a name that is taken would leave it behind. */
const mustBeFree = async (client: Client, name: string): Promise<void> => {
  if ((await client.targets()).some((target) => target.name === name))
    throw new TelpherError('target_exists', `there is a target ${name} already`)
}

/** Where the target is, and the account to be sealed for it. */
const imported = async (cli: Cli, name: string, flags: AddFlags): Promise<{ place: Place; account: PlainCredential }> => {
  const { mode, fromKubeconfig, bootstrapToken, namespace = [] } = flags
  if (mode === 'in-cluster') return { place: await placeOf(cli, fromKubeconfig, flags), account: { kind: 'in-cluster' } }
  if (mode !== 'token-request') {
    const place = await contextOf(cli, fromKubeconfig, flags)
    return { place, account: ownCredential(place, mode) }
  }
  // A kubeconfig that cannot be used is said first, and no program of it runs for options that will be refused.
  const place = await placeOf(cli, fromKubeconfig, flags)
  const options = setupOptionsOf(name, namespace, flags)
  if (bootstrapToken !== undefined) return { place, account: await takeIdentity(cli, place, options, bootstrapToken, flags) }
  const context = await adminContextOf(cli, fromKubeconfig, flags)
  return { place, account: await setUpIdentity(cli, context, options, flags) }
}

/** `telpher target add`: the context is read on this machine; only what a target needs is sent. */
export const runTargetAdd: Command<AddFlags> = async (cli, [name = ''], flags) => {
  const namespaces = flags.namespace ?? []
  mustBeName('name', name)
  for (const namespace of [flags.home, ...namespaces]) mustBeName('namespace', namespace)
  if (flags.printRbac === true) {
    const options = setupOptionsOf(name, namespaces, flags)
    const text = await rbacText(options, flags.fromKubeconfig)
    await print(cli, rbacList(options), () => text)
    return exitCodes.ok
  }
  const client = await cli.client()
  await mustBeFree(client, name)
  const { place, account: credential } = await imported(cli, name, flags)
  const isAllowed = place.namespace !== undefined && (namespaces.length === 0 || namespaces.includes(place.namespace))
  const namespace = isAllowed ? place.namespace : namespaces[0]
  const target = await client.addTarget({
    name,
    server: flags.mode === 'in-cluster' ? inClusterServer : place.server,
    ca: place.ca,
    ...(place.tlsServerName === undefined || flags.mode === 'in-cluster' ? {} : { tlsServerName: place.tlsServerName }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.pool === undefined ? {} : { pool: flags.pool }),
    ...(flags.settle === undefined ? {} : { settleSeconds: seconds(flags.settle, '--settle', 0) }),
    ...(flags.grace === undefined ? {} : { graces: gracesOf(flags.grace) }),
    ...(flags.limit === undefined ? {} : { limit: wholeNumber('--limit', flags.limit, 10_000) }),
    ...(flags.clusterLimit === undefined ? {} : { clusterLimit: wholeNumber('--cluster-limit', flags.clusterLimit, 10_000) }),
    ...(flags.trials === undefined ? {} : { trials: flags.trials }),
    policy: { namespaces, ...(flags.grant === undefined ? {} : { grants: flags.grant }) },
    credential,
  })
  await print(cli, target, () => `target ${name} added\n`)
  if (namespaces.length === 0) cli.say('It may write to every namespace that its account may: limit it with --namespace.')
  if (target.trials === true) cli.say('It is for trials: workers without isolation may run its steps. Do not use it for what matters.')
  const { expiresAt } = target.account
  if (expiresAt !== undefined)
    cli.say(`Its credential ${expiresAt > Date.now() ? 'expires' : 'expired'} at ${new Date(expiresAt).toISOString()}.`)
  cli.say(`Check it with: telpher target check ${name}`)
  return exitCodes.ok
}
