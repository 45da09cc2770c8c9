import type { JobStatus } from '../../src/model/states.ts'
import type { CutPoint } from './cut-points.ts'

/** What became of one deployment under a cut. */
export interface Probed {
  readonly point: CutPoint
  /** State of its job when the cut came; undefined when the deployment ended before. */
  readonly found: JobStatus | undefined
  readonly result: string
  /** What is not as it must be; absent when all is well. */
  readonly wrong?: { readonly kind: 'false_success' | 'stuck' | 'blamed' | 'log'; readonly text: string }
}

/** What all of them came to. */
export interface ProbeReport {
  /** Cuts that came while their deployment was at work. */
  readonly cuts: number
  readonly green: number
  /** Green, and the cluster has not what they said, or the log is not complete. */
  readonly false_success: number
  readonly stuck: number
  /** What could have ended well, and ended as the fault of who wrote it, or as one that trying again cannot help. */
  readonly blamed: number
  /** Who followed the log of a green deployment did not get all of it. */
  readonly log: number
  readonly byStream: Readonly<Record<string, number>>
  readonly byPhase: Readonly<Record<string, number>>
  readonly byResult: Readonly<Record<string, number>>
}

const countBy = (words: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))

export const probeReportOf = (all: readonly Probed[]): ProbeReport => {
  const came = all.filter(({ found }) => found !== undefined)
  const count = (kind: NonNullable<Probed['wrong']>['kind']): number => all.filter(({ wrong }) => wrong?.kind === kind).length
  return {
    cuts: came.length,
    green: came.filter(({ result }) => result === 'success').length,
    false_success: count('false_success'),
    stuck: count('stuck'),
    blamed: count('blamed'),
    log: count('log'),
    byStream: countBy(came.map(({ point }) => `${point.stream} ${point.manner}`)),
    byPhase: countBy(came.map(({ found = '' }) => found)),
    byResult: countBy(came.map(({ result }) => result)),
  }
}
