import { TelpherError } from '../model/errors.ts'

const form = /^(?=.*\d)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+)s?)?$/

/**
 * A duration such as 90, 90s, 10m, 1.5h or 1h30m.
 * @param least the shortest that makes sense, in seconds
 * @returns whole seconds
 * @throws TelpherError usage that names the flag
 */
export const seconds = (text: string, flag: string, least = 1): number => {
  const parts = form.exec(text)
  const [, hours = 0, minutes = 0, rest = 0] = parts ?? []
  const total = Math.round(Number(hours) * 3600 + Number(minutes) * 60 + Number(rest))
  if (parts === null || total < least)
    throw new TelpherError('usage', `${flag} "${text}": use a duration such as 90s, 10m or 1h30m`, { field: flag })
  return total
}
