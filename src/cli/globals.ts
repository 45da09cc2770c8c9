import { colorModes } from './color.ts'
import { formats } from './output.ts'
import type { OptionSpec } from './spec.ts'

/** Options that every command has. The address is optional for the parser alone: `telpher doctor --server` is a question, not a place. */
export const globals: readonly OptionSpec[] = [
  {
    flags: '--server [url]',
    bare: true,
    about: 'address of the server (TELPHER_SERVER; that of a `telpher dev` above this folder when absent)',
  },
  { flags: '--token-file <file>', about: 'file with its bearer token (TELPHER_TOKEN_FILE)', values: 'files' },
  { flags: '-o, --output <format>', about: 'how data is written', choices: formats, fallback: 'table' },
  { flags: '--color <when>', about: 'colours', choices: colorModes, fallback: 'auto' },
]
