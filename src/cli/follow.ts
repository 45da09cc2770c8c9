import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Detail } from '../client/http.ts'
import { insist } from '../client/insist.ts'
import type { StoredEvent } from '../model/deployment.ts'
import { isTerminal } from '../model/states.ts'
import type { Cli } from './context.ts'
import { exitCodes, exitOfResult } from './exit.ts'
import { createProgress, type Progress } from './progress.ts'

export interface Followed {
  readonly detail: Detail
  readonly code: number
  /** The last lines of a job's log that were seen. */
  readonly seen: (jobId: string) => readonly string[]
}

/** How long the rest of the logs may take after the last event, in ms. */
const restOfLogsMs = 5000

/** How long leaving may take, in ms. */
const partingMs = 2000

/** How it stands when it is left: whoever leaves does not wait for a server that hangs. */
const lookOnce = (client: Client, started: Detail): Promise<Detail> =>
  Promise.race([client.deployment(started.deployment.id).catch(() => started), pause(partingMs, started, { ref: false })])

/** Follows the logs of jobs that have begun, as many as are worth showing. */
const createLogFollower = (client: Client, id: string, progress: Progress, signal: AbortSignal) => {
  const running = new Map<string, Promise<void>>()
  const read = async (jobId: string): Promise<void> => {
    for await (const line of client.followLog(id, jobId, { signal })) progress.showLine(jobId, line)
  }
  return {
    see: (event: StoredEvent): void => {
      if (event.type !== 'job' || event.to !== 'running' || running.has(event.jobId) || running.size >= progress.mostLogs) return
      // A log that cannot be had must not end the following of its deployment.
      running.set(
        event.jobId,
        read(event.jobId).catch(() => {}),
      )
    },
    rest: async (): Promise<void> => {
      await Promise.race([Promise.all(running.values()), pause(restOfLogsMs, undefined, { ref: false })])
    },
  }
}

/** What a command says when it leaves a deployment that goes on. */
const leave = (cli: Cli, id: string, why: string): void =>
  cli.say(`${why}: ${id} goes on.\n  follow it again: telpher status ${id} --wait\n  end it:          telpher cancel ${id}`)

/**
 * Follows a deployment to its end: history first, then what happens. Ctrl-C leaves it running and says how to come back.
 * @param timeoutMs wait at most so long
 * @returns how it stands, and the exit code that says so
 */
export const follow = async (cli: Cli, client: Client, started: Detail, timeoutMs: number | undefined): Promise<Followed> => {
  const { id } = started.deployment
  const ending = new AbortController()
  let left: 'interrupted' | 'late' | undefined
  const stop = (why: 'interrupted' | 'late') => (): void => {
    left ??= why
    ending.abort()
  }
  const [interrupt, late] = [stop('interrupted'), stop('late')]
  const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs)
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const progress = createProgress(cli, started.jobs)
  const logs = createLogFollower(client, id, progress, ending.signal)
  const onCut = (): void => progress.note('the connection to the server was cut; trying again')
  try {
    for await (const event of client.events(id, { signal: ending.signal, onCut })) {
      progress.show(event)
      logs.see(event)
    }
    await logs.rest()
  } finally {
    clearTimeout(timer)
    ending.abort()
    progress.end()
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
  if (left === 'interrupted') leave(cli, id, 'interrupted')
  if (left === 'late') leave(cli, id, `not ended within ${(timeoutMs ?? 0) / 1000} s`)
  const detail = left === undefined ? await insist(() => client.deployment(id)) : await lookOnce(client, started)
  const isOver = detail.deployment.state === 'finished' && detail.jobs.every((job) => isTerminal(job.status))
  const ended = isOver ? exitOfResult(detail.deployment.result ?? 'error') : exitCodes.internal
  const code = left === undefined ? ended : left === 'late' ? exitCodes.waitTimedOut : exitCodes.interrupted
  return { detail, code, seen: progress.linesOf }
}
