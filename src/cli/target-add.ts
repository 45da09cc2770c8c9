import type { Client } from '../client/http.ts'
import type { PlainCredential } from '../credentials/account.ts'
import type { ImportedContext, Place } from '../credentials/kubeconfig.ts'
import { TelpherError } from '../model/errors.ts'
import { type AccountMode, nameSchema } from '../model/target.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { adminContextOf, type ContextFlags, contextOf, placeOf } from './kubeconfig-context.ts'
import { print } from './output.ts'
import { seconds } from './seconds.ts'
import { sayOfAdded, type TargetFlags, targetBody, targetSettings } from './target-body.ts'
import type { IssuerFlags } from './target-federated.ts'
import { proveFromPool } from './target-prove.ts'
import { rbacList, rbacText, type SetupFlags, setUpIdentity, setupOptionsOf, takeIdentity } from './target-setup.ts'

interface AddFlags extends SetupFlags, ContextFlags, TargetFlags, IssuerFlags {
  readonly fromKubeconfig: string
}

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

interface Imported {
  readonly place: Place
  /** To be sealed. */
  readonly account: PlainCredential
  /** Of what was made in the cluster. */
  readonly takeBack?: () => Promise<void>
}

/** Where the target is, and the account to be sealed for it. */
const imported = async (cli: Cli, name: string, flags: AddFlags): Promise<Imported> => {
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
  return { place, ...(await setUpIdentity(cli, context, options, flags)) }
}

/** `telpher target add`: the context is read on this machine; only what a target needs is sent. */
export const runTargetAdd: Command<AddFlags> = async (cli, [name = ''], flags) => {
  const namespaces = flags.namespace ?? []
  const patienceMs = seconds(flags.timeout, '--timeout', 0) * 1000
  mustBeName('name', name)
  for (const namespace of [flags.home, ...namespaces]) mustBeName('namespace', namespace)
  if (flags.mode === 'federated') return (await import('./target-federated.ts')).addFederated(cli, name, flags)
  if (flags.printRbac === true) {
    const options = setupOptionsOf(name, namespaces, flags)
    const text = await rbacText(options, flags.fromKubeconfig, flags.acknowledge)
    await print(cli, rbacList(options), () => text)
    return exitCodes.ok
  }
  const client = await cli.client()
  await mustBeFree(client, name)
  const settings = targetSettings(flags)
  const { place, account: credential, takeBack } = await imported(cli, name, flags)
  const target = await client.addTarget(targetBody(name, place, credential, flags, settings)).catch(async (thrown: unknown) => {
    // Where it is not known whether the server took it, the next try finds out.
    if (thrown instanceof TelpherError && !thrown.retryable) await takeBack?.()
    throw thrown
  })
  await print(cli, target, () => `target ${name} added\n`)
  sayOfAdded(cli, target)
  return proveFromPool(cli, client, name, patienceMs)
}
