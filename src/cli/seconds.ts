import { TelpherError } from '../model/errors.ts'

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** A duration such as 90, 90s, 10m or 1h, in seconds. @throws TelpherError usage that names the flag */
export const seconds = (text: string, flag: string): number => {
  const found = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text)
  if (found === null) throw new TelpherError('usage', `${flag} ${text}: use a duration such as 90s, 10m or 1h`, { field: flag })
  return Math.round(Number(found[1]) * (units[found[2] || 's'] ?? 1))
}
