import type { Command } from './context.ts'
import { type StartFlags, start } from './started.ts'

const again =
  (verb: 'retry' | 'rerun'): Command<StartFlags> =>
  async (cli, [id = ''], flags) => {
    const client = await cli.client()
    return start(cli, client, flags, (key) => client.again(id, verb, key))
  }

/** `telpher retry DEPLOYMENT`: the failed part once more, from the failed steps. */
export const runRetry: Command<StartFlags> = again('retry')

/** `telpher rerun DEPLOYMENT`: everything once more with the same inputs. */
export const runRerun: Command<StartFlags> = again('rerun')

/** `telpher rollback --to DEPLOYMENT`: how it was after that deployment. */
export const runRollback: Command<StartFlags & { readonly to: string }> = async (cli, _, { to, ...flags }) => {
  const client = await cli.client()
  return start(cli, client, flags, (key) => client.again(to, 'rollback', key))
}
