import { durationSeconds } from '../model/duration.ts'
import { TelpherError } from '../model/errors.ts'

const date = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/**
 * A time as people write it: a date (midnight UTC), a date with a time (of this machine's zone where it names none), or a
 * duration, which means so long ago.
 * @param now ms since the epoch
 * @returns ms since the epoch
 * @throws TelpherError usage that names the flag
 */
export const moment = (text: string, flag: string, now: number): number => {
  const ago = durationSeconds(text)
  if (ago !== undefined) return Math.max(0, now - ago * 1000)
  const days = /^(\d{1,4})d$/.exec(text)?.[1]
  if (days !== undefined) return Math.max(0, now - Number(days) * 86_400_000)
  const at = date.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at) || at < 0)
    throw new TelpherError('usage', `${flag} "${text}": use a date such as 2026-11-23, a time such as 2026-11-23T14:30:00Z, or 2h or 3d`, {
      field: flag,
    })
  return at
}
