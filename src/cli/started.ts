import { setTimeout as pause } from 'node:timers/promises'
import { toTelpherError } from '../model/errors.ts'
import type { Client, Detail } from './client.ts'
import type { Cli } from './context.ts'
import { endText } from './ending.ts'
import { exitCodes } from './exit.ts'
import { follow } from './follow.ts'
import { print } from './output.ts'

const mostTries = 5

/** Starts a deployment once, however often the answer gets lost. @param ask with an idempotency key, so that repeating is harmless */
export const startOnce = async (ask: () => Promise<Detail>): Promise<Detail> => {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (thrown) {
      if (!toTelpherError(thrown).retryable || tries === mostTries) throw thrown
      await pause(500 * tries)
    }
  }
}

/**
 * What a command does once it has started a deployment: it follows it to its end, or says how to.
 * @returns the exit code
 */
export const showStarted = async (
  cli: Cli,
  client: Client,
  started: Detail,
  { isFollowed, timeoutMs }: { readonly isFollowed: boolean; readonly timeoutMs: number | undefined },
): Promise<number> => {
  const { id } = started.deployment
  if (!isFollowed) {
    cli.say(`started; follow it with: telpher status ${id} --wait`)
    await print(cli, started, () => `${id}\n`)
    return exitCodes.ok
  }
  cli.say(`${id} started`)
  const { detail, code, seen } = await follow(cli, client, started, timeoutMs)
  await print(cli, detail, () =>
    detail.deployment.state === 'finished' ? endText(detail, cli.paint, seen) : `${id}  ${detail.deployment.state}\n`,
  )
  return code
}
