import { TelpherError } from '../model/errors.ts'
import type { KubeDriver, PoolChange, ScalingInput } from '../model/pool.ts'
import { wholeNumber } from './number.ts'
import { seconds } from './seconds.ts'

/** What people say of a pool on the command line. */
export interface SettingFlags {
  readonly label?: readonly string[]
  readonly image?: string
  readonly concurrency?: string
  readonly limit?: string
  readonly min?: string
  readonly max?: string
  readonly idle?: string
  readonly factor?: string
  readonly idleLimit?: string
  readonly coolDown?: string
  readonly schedule?: readonly string[]
  readonly replicas?: string
  readonly kubernetes?: string
}

const wrong = (flag: string, text: string, how: string): TelpherError =>
  new TelpherError('usage', `${flag} ${text}: ${how}`, { field: flag })

const count = (flag: string, text: string): number => {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw wrong(flag, text, 'give a whole number from 0 to 1000')
}

const decimal = (flag: string, text: string): number => {
  if (/^\d{1,2}(\.\d{1,3})?$/.test(text)) return Number(text)
  throw wrong(flag, text, 'give a number such as 0.5')
}

/** `name=value`, both there. */
const pairOf = (flag: string, text: string): readonly [string, string] => {
  const at = text.indexOf('=')
  if (at < 1) throw wrong(flag, text, 'give name=value')
  return [text.slice(0, at), text.slice(at + 1)]
}

const placeOf = (text: string): KubeDriver => {
  const [namespace = '', deployment = '', ...more] = text.split('/')
  if (namespace === '' || deployment === '' || more.length > 0) throw wrong('--kubernetes', text, 'give NAMESPACE/DEPLOYMENT')
  return { namespace, deployment }
}

const boundNames = ['min', 'max', 'idle', 'factor', 'idleLimit'] as const

/** `* 8-17 * * mon-fri Europe/Berlin min=2 max=10` */
const scheduleOf = (text: string): NonNullable<ScalingInput['schedules']>[number] => {
  const words = text.trim().split(/\s+/)
  const [timeZone = '', ...rest] = words.slice(5)
  const bounds = rest.map((word) => {
    const [name, value] = pairOf('--schedule', word)
    const known = boundNames.find((bound) => bound.toLowerCase() === name.replaceAll('-', '').toLowerCase())
    if (known === undefined) throw wrong('--schedule', word, 'after the time zone there may be min, max, idle, factor and idle-limit')
    return [known, known === 'factor' ? decimal('--schedule', value) : count('--schedule', value)] as const
  })
  if (timeZone === '' || bounds.length === 0)
    throw wrong('--schedule', text, 'give five fields of cron, a time zone and what differs then: "* 8-17 * * mon-fri Europe/Berlin min=2"')
  return { cron: words.slice(0, 5).join(' '), timeZone, ...Object.fromEntries(bounds) }
}

const scalingOf = (flags: SettingFlags): ScalingInput | undefined => {
  const { min, max, idle, factor, idleLimit, coolDown, schedule } = flags
  const scaling = {
    ...(min === undefined ? {} : { min: count('--min', min) }),
    ...(max === undefined ? {} : { max: count('--max', max) }),
    ...(idle === undefined ? {} : { idle: count('--idle', idle) }),
    ...(factor === undefined ? {} : { factor: decimal('--factor', factor) }),
    ...(idleLimit === undefined ? {} : { idleLimit: count('--idle-limit', idleLimit) }),
    ...(coolDown === undefined ? {} : { coolDownSeconds: seconds(coolDown, '--cool-down', 0) }),
    ...(schedule === undefined ? {} : { schedules: schedule.map(scheduleOf) }),
  }
  return Object.keys(scaling).length === 0 ? undefined : scaling
}

/**
 * What the flags say of a pool; what they do not name is not in it.
 * @throws TelpherError usage that names the flag
 */
export const settingsOf = (flags: SettingFlags): Exclude<PoolChange, never> => {
  const { label, image, concurrency, limit, replicas, kubernetes } = flags
  const scaling = scalingOf(flags)
  if (scaling !== undefined && replicas !== undefined)
    throw wrong('--replicas', replicas, 'a pool has a fixed number of workers or is scaled: leave the other flags out')
  return {
    ...(label === undefined ? {} : { labels: Object.fromEntries(label.map((text) => pairOf('--label', text))) }),
    ...(image === undefined ? {} : { image }),
    ...(concurrency === undefined ? {} : { concurrency: wholeNumber('--concurrency', concurrency, 64) }),
    ...(limit === undefined ? {} : { limit: wholeNumber('--limit', limit, 100_000) }),
    ...(scaling === undefined ? {} : { scaling }),
    ...(replicas === undefined ? {} : { replicas: count('--replicas', replicas) }),
    ...(kubernetes === undefined ? {} : { kubernetes: placeOf(kubernetes) }),
  }
}
