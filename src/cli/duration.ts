import { TelpherError } from '../model/errors.ts'

const form = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/

/**
 * A duration such as `90`, `90s`, `10m`, `1h30m`.
 * @param option how the user calls it, for the error
 * @returns seconds
 * @throws TelpherError usage
 */
export const parseDuration = (text: string, option: string): number => {
  const found = form.exec(text)
  const seconds = found === null ? 0 : Number(found[1] ?? 0) * 3600 + Number(found[2] ?? 0) * 60 + Number(found[3] ?? 0)
  if (seconds === 0)
    throw new TelpherError('usage', `${option}: give a duration such as 90s, 10m or 1h30m, not "${text}"`, { field: option })
  return seconds
}
