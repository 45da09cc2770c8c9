import type { Client } from '../client/http.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { moment } from './moment.ts'
import { wholeNumber } from './number.ts'
import { print, table } from './output.ts'
import { age, quoted } from './text.ts'

interface PageFlags {
  readonly limit: string
  readonly cursor?: string
}

interface ListFlags extends PageFlags {
  readonly status?: readonly string[]
  readonly target?: string
  readonly namespace?: string
  readonly name?: string
  readonly tag?: string
  readonly since?: string
  readonly until?: string
}

/** A page of few matches is asked for again, up to 40,000 deployments back: the server looks at 2,000 for one answer. */
const mostAsks = 20

const filtersOf = ({ status, since, until, target, namespace, name, tag }: Partial<ListFlags>, now: number): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      status: status?.join(','),
      since: since === undefined ? undefined : String(moment(since, '--since', now)),
      until: until === undefined ? undefined : String(moment(until, '--until', now)),
      target,
      namespace,
      name,
      tag,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )

const read = async (client: Client, limit: number, cursor: string | undefined, filters: Record<string, string>) => {
  const deployments: Deployment[] = []
  let next = cursor
  for (let asks = 0; asks < mostAsks; asks++) {
    const page = await client.deployments(limit - deployments.length, next, filters)
    deployments.push(...page.deployments)
    next = page.next
    if (next === undefined || deployments.length >= limit) break
  }
  return { deployments, next }
}

const few = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(',')} and ${names.length - 3} more` : names.join(',')

const rowOf = (one: Deployment, now: number): string[] => [
  one.id,
  one.request.name ?? '',
  few(one.request.steps.map((step) => step.name)),
  few(one.targets),
  one.state,
  one.result ?? '',
  age(one.createdAt, now),
  one.lineage === undefined ? '' : `${one.lineage.kind} of ${one.lineage.of}`,
]

/** The command that shows the page after this one. */
const nextCommand = (command: string, flags: Partial<ListFlags>, next: string): string => {
  const { cursor: _, ...kept } = flags
  const words = Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${quoted(String(value))}`]))
  return [command, ...words, `--cursor ${next}`].join(' ')
}

/**
 * Shows one page of the deployments that are asked for.
 * @param command what is told to be typed for the next page
 */
export const showPage = async (cli: Cli, flags: ListFlags, command: string): Promise<number> => {
  const limit = wholeNumber('--limit', flags.limit, 100)
  const now = Date.now()
  const filters = filtersOf(flags, now)
  const { deployments, next } = await read(await cli.client(), limit, flags.cursor, filters)
  const rows = deployments.map((one) => rowOf(one, now))
  const head = ['DEPLOYMENT', 'NAME', 'STEPS', 'TARGETS', 'STATE', 'RESULT', 'AGE', 'FROM']
  await print(cli, deployments, () => (rows.length === 0 ? '' : table(head, rows)))
  const isAll = Object.keys(filters).length === 0 && flags.cursor === undefined
  if (rows.length === 0 && next === undefined)
    cli.say(isAll ? 'No deployments yet. Start one with: telpher deploy PATH --target NAME' : 'No such deployments.')
  if (next !== undefined) cli.say(`There are more: ${nextCommand(command, flags, next)}`)
  return exitCodes.ok
}

/** `telpher list`: deployments by filters, page by page. */
export const runList: Command<ListFlags> = (cli, _, flags) => showPage(cli, flags, 'telpher list')
