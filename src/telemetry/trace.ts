import { createHash } from 'node:crypto'
import type { AttemptRef } from '../model/deployment.ts'
import type { TraceContext } from '../model/trace.ts'

/** Ids are made of what everybody knows, so that servers and workers agree on a trace without asking one another. */
const digest = (text: string, bytes: number): string =>
  createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, bytes * 2)

/** Where the spans of a deployment belong. */
export interface RunTrace {
  readonly traceId: string
  /** Of the span of the deployment itself. */
  readonly spanId: string
  /** The span of whoever started it. */
  readonly parentSpanId?: string
  readonly sampled: boolean
}

/** @param given what whoever started the deployment sent along */
export const runTrace = (deploymentId: string, given: TraceContext | undefined): RunTrace => ({
  traceId: given?.traceId ?? digest(`trace ${deploymentId}`, 16),
  spanId: digest(`run ${deploymentId}`, 8),
  ...(given === undefined ? {} : { parentSpanId: given.spanId }),
  sampled: given?.sampled ?? true,
})

/** The span of one attempt, or of a part of it. */
export const attemptSpanId = ({ jobId, attempt }: AttemptRef, part = ''): string => digest(`attempt ${jobId} ${attempt} ${part}`, 8)
