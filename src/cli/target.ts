import type { Target } from '../model/target.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table, yamlOf } from './output.ts'
import { age } from './text.ts'

const rowOf = (target: Target, now: number): string[] => [
  target.name,
  target.server,
  target.policy.namespaces.join(',') || '(all)',
  target.tags.join(','),
  target.pool,
  target.account.mode,
  target.account.expiresAt === undefined ? '' : new Date(target.account.expiresAt).toISOString(),
  age(target.createdAt, now),
]

const header = ['NAME', 'SERVER', 'NAMESPACES', 'TAGS', 'POOL', 'ACCOUNT', 'EXPIRES', 'AGE']

/** `telpher target list`. */
export const runTargetList: Command<object> = async (cli) => {
  const targets = await (await cli.client()).targets()
  const now = Date.now()
  const rows = targets.map((target) => rowOf(target, now))
  await print(cli, targets, () => (rows.length === 0 ? '' : table(header, rows)))
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

/** `telpher target remove NAME`. */
export const runTargetRemove: Command<object> = async (cli, [name = '']) => {
  await (await cli.client()).removeTarget(name)
  await print(cli, { removed: name }, () => `target ${name} removed, with its account\n`)
  return exitCodes.ok
}
