import { stripVTControlCharacters } from 'node:util'
import { harmless } from '../credentials/harmless.ts'

export { quoted } from '../model/shell.ts'

/** Foreign text without anything that a terminal would obey, colours included. */
export const safe = (text: string): string => harmless(stripVTControlCharacters(text).replaceAll('\t', '    '))

/** East Asian wide and emoji code points take two columns (Unicode UAX #11, roughly). */
const isWide = (point: number): boolean =>
  (point >= 0x1100 && point <= 0x115f) ||
  (point >= 0x2e80 && point <= 0xa4cf) ||
  (point >= 0xac00 && point <= 0xd7a3) ||
  (point >= 0xf900 && point <= 0xfaff) ||
  (point >= 0xfe30 && point <= 0xfe6f) ||
  (point >= 0xff00 && point <= 0xff60) ||
  (point >= 0x1f300 && point <= 0x1faff) ||
  (point >= 0x20000 && point <= 0x3fffd)

/** Columns that a text without escapes takes on a terminal. */
export const widthOf = (text: string): number => {
  let width = 0
  for (const character of text) width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1
  return width
}

/** Cuts a text without escapes to a number of columns, with an ellipsis where something was left out. */
export const cutTo = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text
  let [kept, width] = ['', 1]
  for (const character of text) {
    width += widthOf(character)
    if (width > columns) break
    kept += character
  }
  return columns < 1 ? '' : `${kept}…`
}

/** A span of time as people say it: `0.4s`, `12s`, `3m12s`, `2h05m`, `3d4h`. @param ms not negative */
export const span = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`
  return `${Math.floor(whole / 86_400)}d${Math.floor((whole % 86_400) / 3600)}h`
}

/** How long ago something was, in one unit: `12s`, `5m`, `3h`, `4d`. */
export const age = (at: number, now: number): string => {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`
}
