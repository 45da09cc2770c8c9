import type { Job } from './deployment.ts'
import { deploymentResult, isTerminal, type Result, type TerminalStatus } from './states.ts'

/** How the targets of a deployment ended: what is one result for many. */
export interface Summary {
  readonly targets: number
  /** Targets by their results; only those that there are. */
  readonly results: Readonly<Partial<Record<Result, number>>>
  /** Targets that have not ended. */
  readonly open: number
  /** Names of those that ended, and neither succeeded nor were skipped, in their order. */
  readonly failed: readonly string[]
}

const order: readonly Result[] = ['success', 'failure', 'error', 'timeout', 'cancellation', 'skip']

/** @param jobs of one deployment, all of them */
export const summaryOf = (jobs: readonly Pick<Job, 'target' | 'status' | 'carried'>[]): Summary => {
  const lines = Map.groupBy(jobs, ({ target }) => target)
  const ended = [...lines].flatMap(([target, line]): [string, Result][] => {
    // What an earlier deployment did stands for itself here.
    const ends = line.map(({ status, carried }) => (carried === undefined ? status : 'succeeded'))
    return ends.every(isTerminal) ? [[target, deploymentResult(ends as TerminalStatus[])]] : []
  })
  const counts = order.map((result) => [result, ended.filter(([, of]) => of === result).length] as const)
  return {
    targets: lines.size,
    results: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    open: lines.size - ended.length,
    failed: ended.filter(([, result]) => result !== 'success' && result !== 'skip').map(([target]) => target),
  }
}

/** Such as `200 targets: 197 success, 2 failure, 1 skip`. */
export const summaryText = ({ targets, results, open }: Summary): string => {
  const parts = Object.entries(results).map(([result, count]) => `${count} ${result}`)
  return `${targets} targets: ${[...parts, ...(open > 0 ? [`${open} not ended`] : [])].join(', ')}`
}
