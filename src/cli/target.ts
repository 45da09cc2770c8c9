import { usernameOf } from '../model/federation.ts'
import type { ShownTarget } from '../model/health.ts'
import type { Target } from '../model/target.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import type { ContextFlags } from './kubeconfig-context.ts'
import { print, table, yamlOf } from './output.ts'
import { age, safe } from './text.ts'

const rowOf = (target: ShownTarget, now: number): string[] => [
  target.name,
  target.health?.state ?? '',
  target.server,
  target.policy.namespaces.join(',') || '(all)',
  target.tags.join(','),
  target.pool,
  target.account.mode,
  target.account.expiresAt === undefined ? '' : new Date(target.account.expiresAt).toISOString(),
  age(target.createdAt, now),
  target.health?.checkedAt === undefined ? '' : age(target.health.checkedAt, now),
  target.health?.state === 'up' ? '' : (target.health?.sentence ?? ''),
]

const header = ['NAME', 'STATE', 'SERVER', 'NAMESPACES', 'TAGS', 'POOL', 'ACCOUNT', 'EXPIRES', 'AGE', 'CHECKED', 'REASON']

/** `telpher target list`. */
export const runTargetList: Command<object> = async (cli) => {
  const targets = await (await cli.client()).targets()
  const now = Date.now()
  const rows = targets.map((target) => rowOf(target, now))
  await print(cli, targets, () => (rows.length === 0 ? '' : table(header, rows)))
  for (const { name, health } of targets)
    if (health !== undefined && health.state !== 'up' && health.fix !== undefined)
      cli.say(safe(`${name} is ${health.state} since ${new Date(health.since).toISOString()}. ${health.fix}`))
  if (rows.length === 0) cli.say('No targets yet. Add one with: telpher target add NAME --from-kubeconfig CONTEXT')
  return exitCodes.ok
}

/** `telpher target view NAME`. */
export const runTargetView: Command<object> = async (cli, [name = '']) => {
  const target = await (await cli.client()).target(name)
  const yaml = cli.format === 'table' ? await yamlOf(target) : ''
  await print(cli, target, () => yaml)
  return exitCodes.ok
}

interface RemoveFlags extends ContextFlags {
  readonly fromKubeconfig?: string
}

/** What removes a target's identity from its cluster, with a context's rights. All that can be refused is refused before it is called. */
const removalOf = async (cli: Cli, target: Target, context: string, flags: RemoveFlags): Promise<() => Promise<readonly string[]>> => {
  const [{ adminContextOf }, { removeIdentity }] = await Promise.all([import('./kubeconfig-context.ts'), import('./target-setup.ts')])
  const admin = await adminContextOf(cli, context, flags)
  const { federation } = target.account
  if (federation !== undefined) {
    const { removeRights } = await import('./target-federated.ts')
    return () => removeRights(admin, target, federation)
  }
  const [home = ''] = target.account.deployer?.split('/') ?? []
  const { namespaces } = target.policy
  return () => removeIdentity(admin, { target: target.name, home, namespaces })
}

/** `telpher target remove NAME`. */
export const runTargetRemove: Command<RemoveFlags> = async (cli, [name = ''], flags) => {
  const { fromKubeconfig } = flags
  const client = await cli.client()
  const target = await client.target(name)
  const identity = target.account.deployer ?? (target.account.federation && usernameOf(target.account.federation))
  const hasIdentity = identity !== undefined
  const remove = hasIdentity && fromKubeconfig !== undefined ? await removalOf(cli, target, fromKubeconfig, flags) : async () => []
  const byHand = `Its identity ${identity} is still in the cluster; remove it with: kubectl delete serviceaccounts,secrets,roles,rolebindings,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings --all-namespaces --selector telpher.dev/target=${name}`
  await client.removeTarget(name)
  const inCluster = await remove().catch((thrown: unknown) => {
    // The target is gone: nobody can ask for it a second time.
    cli.say(byHand)
    throw thrown
  })
  await print(cli, { removed: name, inCluster }, () => `target ${name} removed, with its account\n`)
  for (const object of inCluster) cli.say(`removed ${object}`)
  if (hasIdentity && fromKubeconfig === undefined) cli.say(byHand)
  if (target.account.federation !== undefined)
    cli.say(`Take the issuer ${target.account.federation.issuer} out of the API server's --authentication-config as well.`)
  return exitCodes.ok
}
