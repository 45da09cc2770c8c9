import type { Command } from './context.ts'

/** What a shell may offer for a value: files of this machine, or names that the server is asked for. */
export type Values = 'files' | 'targets' | 'deployments'

export interface OptionSpec {
  readonly flags: string
  readonly about: string
  readonly values?: Values
  /** May be given more than once; names may also be joined by commas. */
  readonly many?: 'values' | 'names'
  readonly choices?: readonly string[]
  readonly required?: true
  /** May stand without its value, and beside one that has it: the parser gives all, the bare one as ''. */
  readonly bare?: true
  readonly fallback?: string
}

/** One command of the CLI. What it says here is its parser, its help and what its tests go through. */
export interface CommandSpec {
  readonly path: readonly [string, ...string[]]
  readonly aliases?: readonly string[]
  /** Such as `<name>` and `[deployment]`; several are parted by spaces. */
  readonly args?: string
  /** What its argument may be: for shells, and where it is a list, for the parser too. */
  readonly values?: Values | readonly string[]
  /** For programs only: works, and is not shown. */
  readonly hidden?: true
  readonly about: string
  readonly options?: readonly OptionSpec[]
  readonly examples: readonly string[]
  /** Loads the code of this command only: `telpher version` must be quick. */
  readonly load: () => Promise<Command<never>>
}

/** Groups of commands. */
export const groups: Readonly<Record<string, { readonly about: string; readonly alias?: string }>> = {
  target: { about: 'clusters that are deployed to', alias: 'targets' },
  image: { about: 'what steps run in', alias: 'images' },
  pool: { about: 'sets of workers that share a queue: how many, paused, scaled', alias: 'pools' },
  secret: { about: 'values for steps that nobody sees', alias: 'secrets' },
  issuer: { about: 'what API servers trust targets of the mode federated by', alias: 'issuers' },
  account: { about: 'how Telpher authenticates at targets: versions, rotation, what is wrong', alias: 'accounts' },
  keys: { about: 'master keys, with which accounts and secrets are sealed' },
  audit: { about: 'the record of who did what' },
  producer: { about: 'services that submit deployments through Redis', alias: 'producers' },
  worker: { about: 'processes that run deployments', alias: 'workers' },
  server: { about: 'the HTTP API with scheduler and watchdog' },
}
