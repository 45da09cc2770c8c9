import { expect, test } from 'vitest'
import type { Job } from '../src/model/deployment.ts'
import { runTrace } from '../src/telemetry/trace.ts'
import { attemptSpans } from './spans.ts'
import type { AttemptFacts } from './story.ts'

const job: Job = {
  deploymentId: 'dep_1',
  jobId: 'job_1',
  status: 'preparing',
  attempt: 1,
  cancelRequested: false,
  step: { kind: 'apply', name: 'web', package: 'a'.repeat(64), deadlineSeconds: 600 },
  stepIndex: 0,
  target: 'eu',
  pool: 'default',
  lock: { clusterId: 'c', namespace: 'shop', subject: 'inventory:web' },
  createdAt: 0,
  admittedAt: 500,
}
const facts: AttemptFacts = {
  job,
  outcome: 'ended',
  end: { status: 'failed', sentence: 'kubectl said no', code: 'apply_failed' },
  phases: [
    { name: 'prepare', startedAt: 1000, ms: 200 },
    { name: 'run', startedAt: 1200, ms: 300 },
  ],
  requests: new Map(),
  refusals: 0,
  writes: 0,
  logBytes: 0,
}

test('an attempt is a span below its deployment, with its phases below it and its wait beside it', () => {
  const { traceId, spanId } = runTrace('dep_1', undefined)
  const [own, queue, ...phases] = attemptSpans(facts)
  expect(own).toMatchObject({ traceId, parentSpanId: spanId, name: 'web', startedAt: 1000, endedAt: 1500, error: 'kubectl said no' })
  expect(own?.attributes).toMatchObject({
    'cicd.pipeline.task.name': 'web',
    'cicd.pipeline.task.run.id': 'job_1',
    'cicd.pipeline.task.run.result': 'failure',
    'error.type': 'apply_failed',
  })
  expect(queue).toMatchObject({ name: 'queue', parentSpanId: spanId, startedAt: 500, endedAt: 1000 })
  expect(phases.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
    ['prepare', own?.spanId],
    ['run', own?.spanId],
  ])
  expect(new Set(attemptSpans(facts).map((span) => span.spanId)).size).toBe(4)
})

test("whoever started the deployment has its trace, and its word on whether it is kept; another attempt's ids are others", () => {
  const trace = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), sampled: true }
  expect(attemptSpans({ ...facts, job: { ...job, trace } })[0]?.traceId).toBe(trace.traceId)
  expect(runTrace('dep_1', trace)).toMatchObject({ traceId: trace.traceId, parentSpanId: trace.spanId })
  expect(attemptSpans({ ...facts, job: { ...job, trace: { ...trace, sampled: false } } })).toEqual([])
  expect(attemptSpans({ ...facts, job: { ...job, attempt: 2 } })[0]?.spanId).not.toBe(attemptSpans(facts)[0]?.spanId)
  expect(attemptSpans({ ...facts, outcome: 'superseded' })).toEqual([])
})
