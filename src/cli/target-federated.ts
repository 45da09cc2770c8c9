import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Client } from '../client/http.ts'
import { applySetup, planFederated, removeFederated } from '../credentials/bootstrap/apply.ts'
import { federatedObjects, type SetupOptions } from '../credentials/bootstrap/objects.ts'
import { refuseRisks } from '../credentials/bootstrap/prove.ts'
import { risksOf } from '../credentials/bootstrap/risks.ts'
import { deployerRules } from '../credentials/bootstrap/rules.ts'
import { risksOfUser } from '../credentials/bootstrap/user-risks.ts'
import { authenticationConfiguration, type TrustOptions } from '../credentials/federation/trust.ts'
import type { ImportedContext } from '../credentials/kubeconfig.ts'
import { isBundle } from '../credentials/pem.ts'
import { TelpherError } from '../model/errors.ts'
import { type FederationNames, usernameOf } from '../model/federation.ts'
import type { Target } from '../model/target.ts'
import { confirm } from './confirm.ts'
import type { Cli } from './context.ts'
import { adminContextOf, type ContextFlags, placeOf } from './kubeconfig-context.ts'
import { print, yamlOf } from './output.ts'
import { seconds } from './seconds.ts'
import { sayOfAdded, type TargetFlags, targetBody, targetSettings } from './target-body.ts'
import { proveFromPool } from './target-prove.ts'
import { planLines, type SetupFlags, setupOptionsOf, withAdmin } from './target-setup.ts'

/** Where the API server finds the issuer. */
export interface IssuerFlags {
  readonly issuerCa?: string
  readonly discoveryUrl?: string
}

type Flags = SetupFlags & ContextFlags & TargetFlags & IssuerFlags & { readonly fromKubeconfig: string }

/** @throws TelpherError usage naming the flag */
export const trustOptionsOf = async (cli: Cli, { issuerCa, discoveryUrl }: IssuerFlags): Promise<TrustOptions> => {
  if (discoveryUrl !== undefined && !/^https:\/\/[^\s?#@]+$/.test(discoveryUrl))
    throw new TelpherError('usage', '--discovery-url: use an https:// address', { field: '--discovery-url' })
  if (issuerCa === undefined) return discoveryUrl === undefined ? {} : { discoveryUrl }
  const ca = await readFile(resolve(cli.cwd, issuerCa), 'utf8').catch((cause: unknown) => {
    throw new TelpherError('usage', `${issuerCa} cannot be read`, { cause, field: '--issuer-ca' })
  })
  if (!isBundle(ca)) throw new TelpherError('usage', `${issuerCa}: not certificates in PEM`, { field: '--issuer-ca' })
  return { ca, ...(discoveryUrl === undefined ? {} : { discoveryUrl }) }
}

/** The file for the API server's flag, with what there is to say about it. */
export const trustText = async (trusted: readonly FederationNames[], options: TrustOptions): Promise<string> =>
  [
    '# For the API server: --authentication-config=FILE, on each of its machines; entries of jwt go beside those that are there.',
    '# Kubernetes 1.30 to 1.33: apiVersion: apiserver.config.k8s.io/v1beta1',
    await yamlOf(authenticationConfiguration(trusted, options)),
  ].join('\n')

/** A target of the name that was added before in this mode, for the same API server: adding goes on from there. */
const addedBefore = async (client: Client, name: string, server: string): Promise<Target | undefined> => {
  const target = (await client.targets()).find((one) => one.name === name)
  if (target === undefined) return undefined
  if (target.account.federation === undefined || target.server !== server)
    throw new TelpherError('target_exists', `there is a target ${name} already`)
  return target
}

/** Gives the user of a target its rights, with the context's own. */
const setUp = (
  cli: Cli,
  context: ImportedContext,
  options: SetupOptions,
  username: string,
  { yes, acknowledge = [] }: Flags,
): Promise<void> =>
  withAdmin(context, async (admin) => {
    const planned = await planFederated(admin, options, username)
    cli.say(
      [
        ...planLines(planned, context.server),
        `${username} may write applications in ${options.clusterWide ? 'every namespace' : options.namespaces.join(', ')}.`,
        'Nothing of the cluster is stored: the API server will trust tokens that Telpher signs for this user alone.',
      ].join('\n'),
    )
    if (yes !== true) await confirm(cli, 'Set this up?', '--yes')
    await applySetup(admin, planned)
    refuseRisks(await risksOfUser(admin, username, options.clusterWide ? ['default'] : options.namespaces), acknowledge)
  })

/** `telpher target add --mode federated`: safe to repeat, until the API server trusts it and after. */
export const addFederated = async (cli: Cli, name: string, flags: Flags): Promise<number> => {
  const { fromKubeconfig, acknowledge = [] } = flags
  const options = setupOptionsOf(name, flags.namespace ?? [], flags)
  refuseRisks(risksOf(deployerRules, options.clusterWide), acknowledge)
  const place = await placeOf(cli, fromKubeconfig, flags)
  const trust = await trustOptionsOf(cli, flags)
  const client = await cli.client()
  const names = await client.issuerNames(name)
  const username = usernameOf(names)
  if (flags.printRbac === true) {
    const objects = federatedObjects(options, username)
    const documents = await Promise.all(objects.map((object) => yamlOf(object)))
    const text = `${documents.join('---\n')}---\n${await trustText([names], trust)}`
    await print(
      cli,
      { apiVersion: 'v1', kind: 'List', items: objects, authentication: authenticationConfiguration([names], trust) },
      () => text,
    )
    return 0
  }
  const before = await addedBefore(client, name, place.server)
  const settings = targetSettings(flags)
  await setUp(cli, await adminContextOf(cli, fromKubeconfig, flags), options, username, flags)
  const target = before ?? (await client.addTarget(targetBody(name, place, { kind: 'federated' }, flags, settings)))
  await print(cli, target, () => `target ${name} ${before === undefined ? 'added' : 'was added before'}\n`)
  sayOfAdded(cli, target)
  cli.say(await trustText([names], trust))
  return proveFromPool(cli, client, name, seconds(flags.timeout, '--timeout', 0) * 1000)
}

/** Takes its rights away again, with a context's. @returns what was removed */
export const removeRights = (context: ImportedContext, target: Target, names: FederationNames): Promise<readonly string[]> =>
  withAdmin(context, (admin) => removeFederated(admin, { target: target.name, namespaces: target.policy.namespaces }, usernameOf(names)))
