import { setTimeout as pause } from 'node:timers/promises'
import type { Cli, Command } from '../context.ts'
import { exitCodes } from '../exit.ts'

/** How long a shell may stand still for names, in ms. */
const patienceMs = 1000
const mostDeployments = 20

const namesFrom = async (cli: Cli, kind: string): Promise<readonly string[]> => {
  const client = await cli.client()
  if (kind === 'targets') return (await client.targets()).map(({ name }) => name)
  return (await client.deployments(mostDeployments)).deployments.map(({ id }) => id)
}

/**
 * `telpher __names KIND`, called by completion scripts: a name a line. Whoever presses Tab is not told of a server
 * that is away: there are no names then.
 */
export const runNames: Command<object> = async (cli, [kind = '']) => {
  const late = new AbortController()
  const names = await Promise.race([namesFrom(cli, kind).catch(() => []), pause(patienceMs, [], { signal: late.signal }).catch(() => [])])
  late.abort()
  cli.stdout.write(names.map((name) => `${name}\n`).join(''))
  return exitCodes.ok
}
