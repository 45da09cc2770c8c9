import { styleText } from 'node:util'

export type Paint = (text: string) => string

/** The few looks of the CLI; all are plain text where colours are off. */
export interface Palette {
  readonly enabled: boolean
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

export const colorModes = ['auto', 'always', 'never'] as const
export type ColorMode = (typeof colorModes)[number]

/**
 * Whether to colour: the flag, then FORCE_COLOR (0 means off), NO_COLOR (no-color.org), CLICOLOR=0, TERM=dumb, then whether it is a terminal.
 */
export const wantsColor = (mode: ColorMode, isTTY: boolean, env: Readonly<Record<string, string | undefined>>): boolean => {
  if (mode !== 'auto') return mode === 'always'
  const { FORCE_COLOR: forced, NO_COLOR: no, CLICOLOR: cli, TERM: term } = env
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false'
  if ((no !== undefined && no !== '') || cli === '0' || term === 'dumb') return false
  return isTTY
}

export const createPalette = (enabled: boolean): Palette => {
  const paint =
    (style: Parameters<typeof styleText>[0]): Paint =>
    (text) =>
      enabled ? styleText(style, text, { validateStream: false }) : text
  return {
    enabled,
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}
