import { durationSeconds } from '../model/duration.ts'
import { TelpherError } from '../model/errors.ts'

/**
 * A duration such as 90, 90s, 10m, 1.5h or 1h30m.
 * @param least the shortest that makes sense, in seconds
 * @returns whole seconds
 * @throws TelpherError usage that names the flag
 */
export const seconds = (text: string, flag: string, least = 1): number => {
  const total = durationSeconds(text)
  if (total === undefined || total < least)
    throw new TelpherError('usage', `${flag} "${text}": use a duration such as 90s, 10m or 1h30m`, { field: flag })
  return total
}

/** --timeout in ms; undefined when it is not given. @throws TelpherError usage */
export const timeoutOf = ({ timeout }: { readonly timeout?: string }): number | undefined =>
  timeout === undefined ? undefined : seconds(timeout, '--timeout') * 1000
