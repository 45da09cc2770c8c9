import { TelpherError } from '../model/errors.ts'

/**
 * The number that a flag gives; undefined when it is not given.
 * @param most the largest that makes sense; the smallest is 1
 * @throws TelpherError usage that names the flag
 */
export function wholeNumber(flag: string, text: string, most: number): number
export function wholeNumber(flag: string, text: string | undefined, most: number): number | undefined
export function wholeNumber(flag: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
  throw new TelpherError('usage', `${flag} ${text}: give a whole number from 1 to ${most}`, { field: flag })
}
