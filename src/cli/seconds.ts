import { TelpherError } from '../model/errors.ts'

const form = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+)s?)?$/

/**
 * A duration such as 90, 90s, 10m, 1.5h or 1h30m.
 * @returns whole seconds, at least one
 * @throws TelpherError usage that names the flag
 */
export const seconds = (text: string, flag: string): number => {
  const [, hours = 0, minutes = 0, rest = 0] = form.exec(text) ?? []
  const total = Math.round(Number(hours) * 3600 + Number(minutes) * 60 + Number(rest))
  if (total < 1) throw new TelpherError('usage', `${flag} "${text}": use a duration such as 90s, 10m or 1h30m`, { field: flag })
  return total
}
