import { expect, test } from 'vitest'
import type { Job } from '../src/model/deployment.ts'
import { createRegistry } from '../src/telemetry/registry.ts'
import { createStory, wideEvent } from './story.ts'

const job = (changes: Partial<Job> = {}): Job => ({
  deploymentId: 'dep_1',
  jobId: 'job_1',
  status: 'preparing',
  attempt: 2,
  retries: 1,
  cancelRequested: false,
  step: { kind: 'apply', name: 'web', package: 'a'.repeat(64), deadlineSeconds: 600 },
  stepIndex: 0,
  target: 'eu',
  pool: 'default',
  lock: { clusterId: 'c', namespace: 'shop', subject: 'inventory:web' },
  createdAt: Date.now() - 5000,
  admittedAt: Date.now() - 2000,
  ...changes,
})

test('a story has its phases in order, and what was asked, refused, written and said', () => {
  const registry = createRegistry('worker')
  const story = createStory(job(), registry)
  story.phase('run')
  story.ran({ image: 'k1.36', kubectl: '1.36.1', server: 'v1.36.0' })
  for (const status of [200, 201, 404]) story.answered(status)
  story.refused('gate_denied')
  story.wrote(2)
  story.output(10)
  story.phase('verify')
  story.phase('finish')
  const facts = story.told('ended', { status: 'failed', sentence: 'kubectl said no', code: 'apply_failed' })
  expect(facts.phases.map(({ name }) => name)).toEqual(['prepare', 'run', 'verify', 'finish'])
  const event = wideEvent(facts)
  expect(event).toMatchObject({
    op: 'job',
    outcome: 'ended',
    final: true,
    result: 'failure',
    status: 'failed',
    code: 'apply_failed',
    step: 'web',
    kind: 'apply',
    target: 'eu',
    pool: 'default',
    namespace: 'shop',
    retries: 1,
    losses: 0,
    requests: 3,
    requests_2xx: 2,
    requests_4xx: 1,
    refusals: 1,
    writes: 2,
    log_bytes: 10,
    image: 'k1.36',
    kubectl: '1.36.1',
    server_version: 'v1.36.0',
  })
  expect(event['queue_ms']).toBeGreaterThanOrEqual(2000)
  expect(Object.values(event).every((value) => typeof value !== 'object')).toBe(true)
  const text = registry.text()
  for (const line of [
    'telpher_gate_requests_total{code="2xx"} 2',
    'telpher_gate_requests_total{code="4xx"} 1',
    'telpher_gate_refusals_total{code="gate_denied"} 1',
    'telpher_writes_total 2',
    'telpher_log_bytes_total 10',
    'telpher_job_phase_duration_seconds_count{phase="run"} 1',
  ])
    expect(text).toContain(`${line}\n`)
})

test('a job that begins after a pause waited from then on, and a claim that was lost is counted and has no result', () => {
  const registry = createRegistry('worker')
  const event = wideEvent(createStory(job({ notBefore: Date.now() - 100 }), registry).told('superseded'))
  expect(event['queue_ms']).toBeLessThan(2000)
  expect(event).toMatchObject({ outcome: 'superseded', final: false })
  expect(event).not.toHaveProperty('result')
  expect(registry.text()).toContain('telpher_claims_lost_total 1\n')
})
