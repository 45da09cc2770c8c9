import { randomUUID } from 'node:crypto'
import type { Cli, Command } from './context.ts'
import { seconds } from './seconds.ts'
import { showStarted, startOnce } from './started.ts'

interface AgainFlags {
  readonly wait?: boolean
  readonly timeout?: string
  readonly idempotencyKey?: string
}

const start = async (cli: Cli, verb: 'retry' | 'rerun' | 'rollback', id: string, flags: AgainFlags): Promise<number> => {
  const timeoutMs = flags.timeout === undefined ? undefined : seconds(flags.timeout, '--timeout') * 1000
  const client = await cli.client()
  const key = flags.idempotencyKey ?? randomUUID()
  const started = await startOnce(() => client.again(id, verb, key))
  return showStarted(cli, client, started, { isFollowed: flags.wait !== false, timeoutMs })
}

/** `telpher retry DEPLOYMENT`: the failed part once more, from the failed steps. */
export const runRetry: Command<AgainFlags> = (cli, [id = ''], flags) => start(cli, 'retry', id, flags)

/** `telpher rerun DEPLOYMENT`: everything once more with the same inputs. */
export const runRerun: Command<AgainFlags> = (cli, [id = ''], flags) => start(cli, 'rerun', id, flags)

/** `telpher rollback --to DEPLOYMENT`: how it was after that deployment. */
export const runRollback: Command<AgainFlags & { readonly to: string }> = (cli, _, flags) => start(cli, 'rollback', flags.to, flags)
