import { readFile } from 'node:fs/promises'
import type { JobRef } from '../../src/model/deployment.ts'
import type { E2e } from './e2e-stack.ts'

interface AuditEvent {
  readonly userAgent?: string
  readonly stageTimestamp: string
}

/** Writes that the API server took from one attempt, by its own audit log, in ms since the epoch. */
export const writesOf = async ({ cluster }: Pick<E2e, 'cluster'>, job: JobRef, attempt: number): Promise<number[]> =>
  (await readFile(cluster.auditLog, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`telpher/${job.jobId}/${attempt}`))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ userAgent = '' }) => new RegExp(`telpher/${job.jobId}/${attempt}(?!\\d)`).test(userAgent))
    .map(({ stageTimestamp }) => Date.parse(stageTimestamp))
