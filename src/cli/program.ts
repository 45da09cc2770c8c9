import { Argument, Command, CommanderError, Help, InvalidArgumentError, Option } from 'commander'
import { errorNumber, TelpherError, toTelpherError } from '../model/errors.ts'
import { catalogue } from './catalogue.ts'
import { createCli, type GlobalFlags, type Io } from './context.ts'
import { exitCodes, exitOfError } from './exit.ts'
import { globals } from './globals.ts'
import { type CommandSpec, groups, type OptionSpec } from './spec.ts'
import { safe } from './text.ts'

/** What is done with a command that was parsed: the program runs it, a test may only look at it. */
export type Dispatch = (spec: CommandSpec, args: readonly string[], options: object, flags: GlobalFlags) => Promise<void>

/** That an option may stand bare its brackets say; how the parser is told so is nothing for people. */
const describeOption = (option: Option): string => new Help().optionDescription(option).replace(' (preset: "")', '')

const optionOf = ({ flags, about, many, choices, required, bare, fallback }: OptionSpec): Option => {
  const option = new Option(flags, about)
  if (required !== undefined) option.makeOptionMandatory()
  if (fallback !== undefined) option.default(fallback)
  if (bare !== undefined) return option.preset('').argParser((value: string, before: readonly string[] = []) => [...before, value])
  if (many === undefined) return choices === undefined ? option : option.choices([...choices])
  return option.argParser((value: string, before: string[] | undefined) => {
    const given = many === 'names' ? value.split(',') : [value]
    const wrong = given.find((one) => choices !== undefined && !choices.includes(one))
    if (wrong !== undefined) throw new InvalidArgumentError(`Allowed choices are ${choices?.join(', ')}.`)
    return [...(before ?? []), ...given]
  })
}

/** Whether `--server` without an address means something to a command; the parser takes it for the one that every command has. */
const takesBareServer = ({ options = [] }: CommandSpec): boolean => options.some(({ flags }) => flags === '--server')

const addCommand = (parent: Command, spec: CommandSpec, dispatch: Dispatch): void => {
  const command = parent.command(spec.path.at(-1) ?? '', { hidden: spec.hidden === true }).description(spec.about)
  for (const argument of spec.args?.split(' ').map((name) => new Argument(name)) ?? [])
    command.addArgument(spec.values === undefined || typeof spec.values === 'string' ? argument : argument.choices([...spec.values]))
  command.showHelpAfterError(`  See: telpher ${spec.path.join(' ')} --help\n  ${errorNumber('usage')} usage`)
  if (spec.aliases !== undefined) command.aliases(spec.aliases)
  for (const option of spec.options ?? []) command.addOption(optionOf(option))
  command.addHelpText('after', `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join('\n')}`)
  command.action(async () => {
    const {
      server = [],
      tokenFile,
      output,
      color,
    } = command.optsWithGlobals<Omit<GlobalFlags, 'server'> & { server?: readonly string[] }>()
    const [isBare, url] = [server.includes(''), server.findLast((one) => one !== '')]
    if (isBare && !takesBareServer(spec))
      throw new TelpherError('usage', '--server: give an address such as http://127.0.0.1:7373', { field: '--server' })
    const flags = {
      output,
      color,
      ...(url === undefined ? {} : { server: url }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
    }
    await dispatch(spec, command.args, isBare ? { ...command.opts(), server: true } : command.opts(), flags)
  })
}

/** The parser of all commands. It throws a CommanderError in place of ending the process. */
export const buildProgram = (io: Pick<Io, 'stdout' | 'stderr'>, dispatch: Dispatch): Command => {
  const program = new Command('telpher')
    .description('Runs Kubernetes deployments from outside the cluster')
    .exitOverride()
    .showHelpAfterError(`  See: telpher --help\n  ${errorNumber('usage')} usage`)
    .configureHelp({ showGlobalOptions: true, optionDescription: describeOption })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`telpher: ${text.replace(/^error: /, '')}`),
    })
  for (const option of globals) program.addOption(optionOf(option))
  const made = new Map<string, Command>()
  const groupOf = (name: string): Command => {
    const known = made.get(name)
    if (known !== undefined) return known
    const { about, alias } = groups[name] ?? { about: '' }
    const group = program.command(name).description(about)
    if (alias !== undefined) group.alias(alias)
    made.set(name, group)
    return group
  }
  for (const spec of catalogue) addCommand(spec.path.length === 1 ? program : groupOf(spec.path[0]), spec, dispatch)
  return program
}

/** What went wrong, what to do next, and the code to look it up by. */
const errorText = (error: TelpherError): string =>
  `telpher: ${safe(error.message)}\n  ${error.hint}\n  ${errorNumber(error.code)} ${error.code}\n`

/**
 * Runs the CLI.
 * @param argv without program and script
 * @returns the exit code; undefined when a server or a worker goes on living
 */
export const run = async (argv: readonly string[], io: Io): Promise<number | undefined> => {
  let code: number | undefined
  const program = buildProgram(io, async (spec, args, options, flags) => {
    const command = (await spec.load()) as (cli: unknown, args: readonly string[], options: object) => Promise<number | undefined>
    code = await command(createCli(io, flags), args, options)
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (thrown) {
    // Commander has said itself what is wrong with the usage.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    const error = toTelpherError(thrown)
    io.stderr.write(errorText(error))
    if (error.code === 'internal' && error.cause instanceof Error) io.stderr.write(`${error.cause.stack ?? ''}\n`)
    return exitOfError(error.code)
  }
}
