import type { Deployment, Job } from '../model/deployment.ts'
import type { Result } from '../model/states.ts'
import { errorTypeOf, pipelineOf } from './cicd.ts'
import type { Span } from './otlp-types.ts'
import { attemptSpanId, runTrace } from './trace.ts'

const isBad = (result: Result): boolean => result === 'failure' || result === 'error' || result === 'timeout'

/** An attempt whose worker was lost: nobody but the server tells of it. */
const lostSpans = (job: Job, traceId: string, parentSpanId: string): Span[] =>
  (job.losses ?? []).map(({ attempt, at, renewedAt, because }) => ({
    traceId,
    spanId: attemptSpanId({ ...job, attempt }),
    parentSpanId,
    name: job.step.name,
    kind: 'internal',
    startedAt: Math.min(at, renewedAt),
    endedAt: at,
    attributes: {
      'cicd.pipeline.task.name': job.step.name,
      'cicd.pipeline.task.run.id': job.jobId,
      'cicd.pipeline.task.run.result': 'error',
      'cicd.pipeline.task.type': 'deploy',
      'error.type': 'worker_lost',
      'telpher.attempt': attempt,
      'telpher.target': job.target,
      'telpher.pool': job.pool,
    },
    error: because,
  }))

/**
 * The span of a deployment that has ended, told by the server that ended it (opentelemetry.io/docs/specs/semconv/cicd/cicd-spans), and of
 * its lost attempts. Those that came to an end are told by their workers.
 */
export const runSpans = (deployment: Deployment, jobs: readonly Job[]): readonly Span[] => {
  const { id, result, createdAt, endedAt, trace } = deployment
  const { traceId, spanId, parentSpanId, sampled } = runTrace(id, trace)
  if (!sampled || result === undefined || endedAt === undefined) return []
  const name = pipelineOf(deployment)
  const run: Span = {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: `RUN ${name}`,
    kind: 'server',
    startedAt: createdAt,
    endedAt,
    attributes: {
      'cicd.pipeline.name': name,
      'cicd.pipeline.action.name': 'RUN',
      'cicd.pipeline.run.id': id,
      'cicd.pipeline.run.state': 'finalizing',
      'cicd.pipeline.result': result,
      ...(result === 'failure' || result === 'error' ? { 'error.type': errorTypeOf(jobs) } : {}),
    },
    ...(isBad(result) ? { error: jobs.find(({ end }) => end !== undefined && end.status !== 'succeeded')?.end?.sentence ?? result } : {}),
  }
  return [run, ...jobs.flatMap((job) => lostSpans(job, traceId, spanId))]
}
