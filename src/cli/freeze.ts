import { TelpherError } from '../model/errors.ts'
import type { Freeze } from '../model/freeze.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { seconds } from './seconds.ts'
import { age } from './text.ts'

interface FreezeFlags {
  readonly tag?: string
  readonly reason?: string
  readonly for?: string
}

const untilOf = ({ until }: Freeze): string => (until === undefined ? 'lifted' : new Date(until).toISOString())

const tableOf = (freezes: readonly Freeze[]): string =>
  table(
    ['FREEZE', 'TARGETS', 'REASON', 'UNTIL', 'AGE'],
    freezes.map((freeze) => [
      freeze.id,
      freeze.target ?? freeze.tags ?? '',
      freeze.reason,
      untilOf(freeze),
      age(freeze.createdAt, Date.now()),
    ]),
  )

/** `telpher freeze [TARGET] [--tag TAGS]`: sets one, or lists them. */
export const runFreeze: Command<FreezeFlags> = async (cli, [target], { tag, reason, for: lasts }) => {
  const client = await cli.client()
  if (target === undefined && tag === undefined) {
    if (reason !== undefined || lasts !== undefined)
      throw new TelpherError('usage', 'name a target or --tag: what is to be frozen?', { field: 'target' })
    const freezes = await client.freezes()
    await print(cli, freezes, () => (freezes.length === 0 ? '' : tableOf(freezes)))
    if (freezes.length === 0) cli.say('Nothing is frozen.')
    return exitCodes.ok
  }
  if (target !== undefined && tag !== undefined) throw new TelpherError('usage', 'name a target or --tag, not both', { field: '--tag' })
  if (reason === undefined) throw new TelpherError('usage', '--reason: say why, for those who will wait', { field: '--reason' })
  const freeze = await client.freeze({
    reason,
    ...(target === undefined ? {} : { target }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(lasts === undefined ? {} : { seconds: seconds(lasts, '--for') }),
  })
  await print(cli, freeze, () => tableOf([freeze]))
  cli.say(`Nothing new begins there; what runs goes on. Lift it with: telpher unfreeze ${freeze.id}`)
  return exitCodes.ok
}

/** `telpher unfreeze FREEZE`. */
export const runUnfreeze: Command<object> = async (cli, [id = '']) => {
  await (await cli.client()).unfreeze(id)
  await print(cli, { lifted: id }, () => `${id} lifted: what waited for it begins\n`)
  return exitCodes.ok
}
