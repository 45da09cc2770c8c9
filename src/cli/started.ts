import { randomUUID } from 'node:crypto'
import type { Client, Detail } from '../client/http.ts'
import { untilAnswered } from '../client/insist.ts'
import { summaryOf } from '../model/summary.ts'
import type { Cli } from './context.ts'
import { endText } from './ending.ts'
import { exitCodes } from './exit.ts'
import { follow } from './follow.ts'
import { print } from './output.ts'
import { timeoutOf } from './seconds.ts'

/** Flags of every command that starts a deployment. */
export interface StartFlags {
  readonly wait?: boolean
  readonly timeout?: string
  readonly idempotencyKey?: string
}

/**
 * Starts a deployment once, however often the answer gets lost, and follows it to its end, or says how to.
 * @param ask starts it under an idempotency key
 * @returns the exit code
 * @throws TelpherError usage before anything is asked, and what `ask` throws
 */
export const start = async (cli: Cli, client: Client, flags: StartFlags, ask: (key: string) => Promise<Detail>): Promise<number> => {
  const timeoutMs = timeoutOf(flags)
  const key = flags.idempotencyKey ?? randomUUID()
  const started = await untilAnswered(() => ask(key))
  const { id } = started.deployment
  if (flags.wait === false) {
    cli.say(`started; follow it with: telpher status ${id} --wait`)
    await print(cli, started, () => `${id}\n`)
    return exitCodes.ok
  }
  cli.say(`${id} started`)
  const { detail, code, seen } = await follow(cli, client, started, timeoutMs)
  await print(cli, { ...detail, summary: summaryOf(detail.jobs) }, () =>
    detail.deployment.state === 'finished' ? endText(detail, cli.paint, seen) : `${id}  ${detail.deployment.state}\n`,
  )
  return code
}
