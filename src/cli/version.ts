import { version } from '../version.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'

/** `telpher version`. */
export const runVersion: Command<object> = async (cli) => {
  await print(cli, { version, node: process.versions.node }, () => `${version}\n`)
  return exitCodes.ok
}
