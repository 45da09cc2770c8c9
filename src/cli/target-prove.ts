import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/http.ts'
import type { CheckReport } from '../model/check.ts'
import type { Cli } from './context.ts'
import { exitCodes } from './exit.ts'
import { runLadderNow } from './ladder.ts'
import { safe } from './text.ts'

/** Between two tries while an API server does not know a new identity yet, in ms. */
const againMs = 3000

const isRefused = (report: CheckReport): boolean => report.lines.some(({ code }) => code === 'target_unauthorized')

/**
 * Proves a new target from where its deployments will run: a worker of its pool climbs the ladder of checks, a write that is not kept among them.
 * @param patienceMs how long a worker is waited for, and an API server that does not know the target's identity yet
 * @returns the exit code: a target that is not proven yet, for want of a worker, is no failure
 */
export const proveFromPool = async (cli: Cli, client: Client, name: string, patienceMs: number): Promise<number> => {
  const again = `telpher target check ${name}`
  for (const end = performance.now() + patienceMs; ; await pause(againMs)) {
    const { report, why } = await runLadderNow(client, name, patienceMs)
    if (report === undefined) {
      cli.say(`Not tried from its pool yet: ${why}. Check it with: ${again}`)
      return exitCodes.ok
    }
    if (report.ok) {
      cli.say(`Proven by worker ${safe(report.worker)} of its pool: a deployment can run. Check it again with: ${again}`)
      return exitCodes.ok
    }
    if (isRefused(report) && performance.now() < end) continue
    for (const { rung, subject, status, message, fix } of report.lines)
      if (status === 'failed') cli.say(`${rung}  ${safe(subject)}  ${safe(message)}${fix === undefined ? '' : `\n  fix: ${safe(fix)}`}`)
    cli.say(`It is added, but its deployments cannot run yet, says worker ${safe(report.worker)}. When that is mended: ${again}`)
    return exitCodes.failed
  }
}
