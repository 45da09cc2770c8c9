import type { Deployment, Job } from '../model/deployment.ts'
import type { Loss } from '../model/loss.ts'
import { isTerminal, type JobEvent, jobResult } from '../model/states.ts'
import type { Registry } from './registry.ts'

/** Counts what a change of a job means, in the process that made it: of several one makes each, so that their sum is right. */
export const countChange =
  (registry: Registry) =>
  (before: Job, after: Job, event: JobEvent, report: { readonly loss?: Loss } | undefined): void => {
    if (isTerminal(after.status)) registry.add('telpher_jobs_total', { result: jobResult(after.status) })
    else if (event.type === 'retry') registry.add('telpher_job_retries_total', {})
    if (report?.loss !== undefined) registry.add('telpher_attempts_lost_total', { action: isTerminal(after.status) ? 'end' : 'requeue' })
    if (event.type !== 'start' || before.admittedAt === undefined) return
    // Two clocks: that of the server that admitted it, and ours.
    const waitedMs = Math.max(0, Date.now() - Math.max(before.admittedAt, before.notBefore ?? 0))
    registry.observe('telpher_job_queue_wait_seconds', { pool: after.pool }, waitedMs / 1000)
  }

/** Counts a deployment in the server that brought it to its end. */
export const countRun = (registry: Registry, { result, createdAt, startedAt, endedAt }: Deployment): void => {
  if (result === undefined || endedAt === undefined) return
  registry.add('telpher_runs_total', { result })
  const begunAt = startedAt ?? endedAt
  registry.observe('telpher_run_duration_seconds', { phase: 'pending' }, Math.max(0, begunAt - createdAt) / 1000)
  if (startedAt !== undefined)
    registry.observe('telpher_run_duration_seconds', { phase: 'executing' }, Math.max(0, endedAt - startedAt) / 1000)
}

/** A logger of a part of Telpher that counts what is not well. @returns for a part, what logs as `tell` does */
export const countTroubles =
  (registry: Registry) =>
  <Rest extends readonly unknown[]>(component: string, tell: (line: object, ...rest: Rest) => void) =>
  (line: object, ...rest: Rest): void => {
    if (!('level' in line) || line.level !== 'info') registry.add('telpher_system_errors_total', { component })
    tell(line, ...rest)
  }
