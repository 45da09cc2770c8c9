import type { AttemptRef } from '../model/deployment.ts'
import type { HelmRecord } from './helm-record.ts'

/** Whose revision it is; helm keeps labels of its own with each (helm upgrade --labels), from before anything is written. */
const labels = { deployment: 'telpher-deployment', job: 'telpher-job', attempt: 'telpher-attempt' } as const

export const releaseLabels = ({ deploymentId, jobId, attempt }: AttemptRef): Readonly<Record<string, string>> => ({
  [labels.deployment]: deploymentId,
  [labels.job]: jobId,
  [labels.attempt]: String(attempt),
})

const labelled = ({ labels: found }: HelmRecord): AttemptRef | undefined => {
  const [deploymentId, jobId] = [found[labels.deployment], found[labels.job]]
  return deploymentId === undefined || jobId === undefined
    ? undefined
    : { deploymentId, jobId, attempt: Number(found[labels.attempt] ?? 0) }
}

const isSame = (one: AttemptRef, other: AttemptRef | undefined): boolean => one.jobId === other?.jobId && one.attempt === other.attempt

export const isPending = ({ status }: HelmRecord): boolean => status.startsWith('pending-')

/**
 * The attempt that began the newest revision, when Telpher did. Somebody's own helm copies our labels from the revision that it
 * upgrades or goes back to (helm: pkg/action/upgrade.go, rollback.go), so they alone prove nothing: an attempt begins one revision
 * and not two, the older is its own, and it never runs `helm rollback`.
 * @param records of the release, newest first
 */
export const originOfNewest = ([newest, ...older]: readonly HelmRecord[]): AttemptRef | undefined => {
  const origin = newest === undefined ? undefined : labelled(newest)
  if (origin === undefined || newest?.status === 'pending-rollback') return undefined
  return older.some((record) => isSame(origin, labelled(record))) ? undefined : origin
}
