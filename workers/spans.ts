import { jobResult } from '../src/model/states.ts'
import type { Attributes, Span } from '../src/telemetry/otlp-types.ts'
import { attemptSpanId, runTrace } from '../src/telemetry/trace.ts'
import type { AttemptFacts } from './story.ts'

/**
 * The spans of an attempt: its own below that of the deployment, and one for each of its phases. One that was taken over, or whose end was
 * not stored, is told by the server as lost.
 */
export const attemptSpans = ({ job, outcome, end, phases, tools }: AttemptFacts): readonly Span[] => {
  const { traceId, spanId: parentSpanId, sampled } = runTrace(job.deploymentId, job.trace)
  const [first, last] = [phases[0], phases.at(-1)]
  if (!sampled || end === undefined || first === undefined || last === undefined || outcome === 'superseded') return []
  const spanId = attemptSpanId(job)
  const result = jobResult(end.status)
  const isBad = result === 'failure' || result === 'error' || result === 'timeout'
  const attributes: Attributes = {
    'cicd.pipeline.task.name': job.step.name,
    'cicd.pipeline.task.run.id': job.jobId,
    'cicd.pipeline.task.run.result': result,
    'cicd.pipeline.task.type': 'deploy',
    'cicd.pipeline.run.id': job.deploymentId,
    ...(isBad ? { 'error.type': end.code ?? '_OTHER' } : {}),
    'k8s.namespace.name': job.lock.namespace,
    'telpher.attempt': job.attempt,
    'telpher.kind': job.step.kind,
    'telpher.outcome': outcome,
    'telpher.pool': job.pool,
    'telpher.target': job.target,
    ...(tools === undefined ? {} : { 'container.image.name': tools.image }),
  }
  const readyAt = job.admittedAt === undefined ? undefined : Math.max(job.admittedAt, job.notBefore ?? 0)
  const part = (name: string, parent: string, startedAt: number, endedAt: number): Span => ({
    traceId,
    spanId: attemptSpanId(job, name),
    parentSpanId: parent,
    name,
    kind: 'internal',
    startedAt,
    endedAt,
    attributes: { 'cicd.pipeline.task.name': job.step.name, 'cicd.pipeline.task.run.id': job.jobId, 'telpher.attempt': job.attempt },
  })
  return [
    {
      traceId,
      spanId,
      parentSpanId,
      name: job.step.name,
      kind: 'internal',
      startedAt: first.startedAt,
      endedAt: last.startedAt + last.ms,
      attributes,
      ...(isBad ? { error: end.sentence } : {}),
    },
    ...(readyAt === undefined ? [] : [part('queue', parentSpanId, readyAt, first.startedAt)]),
    ...phases.map(({ name, startedAt, ms }) => part(name, spanId, startedAt, startedAt + ms)),
  ]
}
