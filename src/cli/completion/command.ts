import type { Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { globals } from '../globals.ts'
import { print } from '../output.ts'
import type { CommandSpec } from '../spec.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import { completedOption, placesOf } from './places.ts'
import { zshScript } from './zsh.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

/** `telpher completion SHELL`: the script, made from the commands that the parser is made from. */
export const completionOf =
  (catalogue: readonly CommandSpec[]): Command<object> =>
  async (cli, [shell = 'bash']) => {
    const script = scripts[shell as keyof typeof scripts](placesOf(catalogue), globals.map(completedOption))
    await print(cli, { shell, script }, () => script)
    return exitCodes.ok
  }
