import { TelpherError } from '../model/errors.ts'
import type { PoolChange, PoolSettingsInput, PoolState } from '../model/pool.ts'
import type { PoolView } from '../model/scale.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { type SettingFlags, settingsOf } from './pool-settings.ts'
import { span } from './text.ts'

const tableOf = (pools: readonly PoolView[]): string =>
  table(
    ['POOL', 'STATE', 'WORKERS', 'BUSY', 'DESIRED', 'RUNNING', 'WAITING', 'TARGETS'],
    pools.map(({ name, state, scale, targets }) => [
      name,
      state,
      String(scale.workers),
      String(scale.busy),
      scale.managed ? String(scale.desired) : '-',
      `${scale.running}/${scale.workers * scale.concurrency}`,
      String(scale.waiting),
      String(targets),
    ]),
  )

const hasLabel = ({ labels }: PoolView, wanted: string): boolean => {
  const [name = '', value] = wanted.split(/=(.*)/s)
  return value === undefined ? name in labels : labels[name] === value
}

/** `telpher pool list`. */
export const runPoolList: Command<{ readonly label?: readonly string[] }> = async (cli, _args, { label = [] }) => {
  const pools = (await (await cli.client()).pools()).filter((pool) => label.every((wanted) => hasLabel(pool, wanted)))
  await print(cli, pools, () => (pools.length === 0 ? '' : tableOf(pools)))
  if (pools.length === 0)
    cli.say(label.length === 0 ? 'No pools yet: a target or a worker makes one by naming it.' : 'No pool has these labels.')
  return exitCodes.ok
}

const settingLines = (pool: PoolView): readonly (readonly [string, string | undefined])[] => {
  const { scaling } = pool
  return [
    ['state', `${pool.state}${pool.reason === undefined ? '' : `: ${pool.reason}`}`],
    [
      'labels',
      Object.entries(pool.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', ') || undefined,
    ],
    ['image', pool.image],
    ['concurrency', pool.concurrency === undefined ? undefined : `${pool.concurrency} a worker`],
    ['limit', pool.limit === undefined ? undefined : `${pool.limit} jobs at a time`],
    ['replicas', pool.replicas === undefined ? undefined : `${pool.replicas}, whatever there is to do`],
    [
      'scaling',
      scaling &&
        `from ${scaling.min} to ${scaling.max} workers; idle min(max(${scaling.idle}, ${scaling.factor} × busy), ${scaling.idleLimit}); fewer after ${scaling.coolDownSeconds} s`,
    ],
    ...(scaling?.schedules ?? []).map(({ cron, timeZone, ...bounds }): [string, string] => [
      'schedule',
      `${cron} (${timeZone}): ${Object.entries(bounds)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    ]),
    ['kubernetes', pool.kubernetes && `Deployment ${pool.kubernetes.deployment} in ${pool.kubernetes.namespace}`],
    ['targets', String(pool.targets)],
    [
      'workers',
      Object.entries(pool.workers)
        .map(([state, count]) => `${count} ${state}`)
        .join(', '),
    ],
    ['slots', `${pool.scale.running} of ${pool.slots} taken`],
    ['waiting', String(pool.scale.waiting)],
    ['oldest wait', pool.oldestWaitSeconds === undefined ? undefined : span(pool.oldestWaitSeconds * 1000)],
    ['desired', `${pool.scale.desired} workers${pool.scale.managed ? '' : ', if it were scaled'}`],
    ...pool.scale.because.map((line): [string, string] => ['', line]),
  ]
}

const viewText = (pool: PoolView): string =>
  [
    `pool ${pool.name}`,
    ...settingLines(pool)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `  ${name.padEnd(12)} ${value}`),
    '',
  ].join('\n')

const show = async (cli: Cli, pool: PoolView): Promise<number> => {
  await print(cli, pool, () => viewText(pool))
  return exitCodes.ok
}

/** `telpher pool view NAME`. */
export const runPoolView: Command<object> = async (cli, [name = '']) => show(cli, await (await cli.client()).pool(name))

/** `telpher pool create NAME`. */
export const runPoolCreate: Command<SettingFlags> = async (cli, [name = ''], flags) => {
  const settings = settingsOf(flags) as PoolSettingsInput
  return show(cli, await (await cli.client()).createPool({ ...settings, name }))
}

const removable = ['labels', 'image', 'concurrency', 'limit', 'scaling', 'replicas', 'kubernetes'] as const

/** `telpher pool edit NAME`. */
export const runPoolEdit: Command<SettingFlags & { readonly unset?: readonly (typeof removable)[number][] }> = async (
  cli,
  [name = ''],
  flags,
) => {
  const removed: PoolChange = Object.fromEntries((flags.unset ?? []).map((setting) => [setting, null]))
  const change: PoolChange = { ...removed, ...settingsOf(flags) }
  if (Object.keys(change).length === 0)
    throw new TelpherError('usage', 'say what is to be changed: see telpher pool edit --help', { field: 'name' })
  return show(cli, await (await cli.client()).changePool(name, change))
}

const setState = async (cli: Cli, name: string, state: PoolState, reason: string | undefined, said: string): Promise<number> => {
  const pool = await (await cli.client()).setPoolState(name, { state, ...(reason === undefined ? {} : { reason }) })
  await print(cli, pool, () => tableOf([pool]))
  cli.say(said)
  return exitCodes.ok
}

interface ReasonFlags {
  readonly reason?: string
}

/** `telpher pool pause NAME`. */
export const runPoolPause: Command<ReasonFlags> = (cli, [name = ''], { reason }) =>
  setState(cli, name, 'paused', reason, `No job of pool ${name} begins; what runs goes on. Go on with: telpher pool resume ${name}`)

/** `telpher pool cordon NAME`. */
export const runPoolCordon: Command<ReasonFlags> = (cli, [name = ''], { reason }) =>
  setState(
    cli,
    name,
    'cordoned',
    reason,
    `No deployment is taken for pool ${name}; what was taken goes on. Take them again with: telpher pool resume ${name}`,
  )

/** `telpher pool resume NAME`. */
export const runPoolResume: Command<object> = (cli, [name = '']) => setState(cli, name, 'active', undefined, `Pool ${name} takes work.`)

/** `telpher pool scale NAME REPLICAS|--auto`. */
export const runPoolScale: Command<{ readonly auto?: true }> = async (cli, [name = '', replicas], { auto }) => {
  if ((replicas === undefined) === (auto === undefined))
    throw new TelpherError('usage', 'give a number of workers, or --auto', { field: 'replicas' })
  const change: PoolChange = auto === true ? { replicas: null, scaling: {} } : settingsOf({ replicas: replicas ?? '' })
  return show(cli, await (await cli.client()).changePool(name, change))
}

/** `telpher pool explain NAME`. */
export const runPoolExplain: Command<object> = async (cli, [name = '']) => {
  const scale = await (await cli.client()).scale(name)
  await print(
    cli,
    scale,
    () =>
      `pool ${name} should have ${scale.desired} worker${scale.desired === 1 ? '' : 's'}\n${scale.because.map((line) => `  ${line}\n`).join('')}`,
  )
  if (!scale.managed) cli.say(`Nobody scales it: say how with telpher pool edit ${name} --min 0 --max 4, or telpher pool scale ${name} 2`)
  return exitCodes.ok
}

/** `telpher pool remove NAME`. */
export const runPoolRemove: Command<object> = async (cli, [name = '']) => {
  await (await cli.client()).removePool(name)
  await print(cli, { removed: name }, () => `nothing is said of pool ${name} any more\n`)
  return exitCodes.ok
}
