import { expect, test } from 'vitest'
import { createRegistry } from './registry.ts'
import { metricTable } from './table.ts'

const linesOf = (text: string, name: string): string[] => text.split('\n').filter((line) => line.startsWith(name))

test('a counter begins at 0, is added to, and is told with its help and type', () => {
  const registry = createRegistry('server')
  registry.add('telpher_runs_total', { result: 'success' })
  registry.add('telpher_runs_total', { result: 'success' }, 2)
  const text = registry.text()
  expect(text).toContain('# TYPE telpher_runs_total counter\n')
  expect(linesOf(text, 'telpher_runs_total{')).toContain('telpher_runs_total{result="success"} 3')
  expect(linesOf(text, 'telpher_runs_total{')).toContain('telpher_runs_total{result="error"} 0')
  expect(text.endsWith('\n')).toBe(true)
})

test('a histogram adds its buckets up, with what is above the last one in +Inf alone', () => {
  const registry = createRegistry('worker')
  for (const value of [0.001, 0.01, 0.02, 7, 1e6]) registry.observe('telpher_job_queue_wait_seconds', { pool: 'eu' }, value)
  const lines = linesOf(registry.text(), 'telpher_job_queue_wait_seconds')
  expect(lines).toContain('telpher_job_queue_wait_seconds_bucket{pool="eu",le="0.01"} 2')
  expect(lines).toContain('telpher_job_queue_wait_seconds_bucket{pool="eu",le="5"} 3')
  expect(lines).toContain('telpher_job_queue_wait_seconds_bucket{pool="eu",le="900"} 4')
  expect(lines).toContain('telpher_job_queue_wait_seconds_bucket{pool="eu",le="+Inf"} 5')
  expect(lines).toContain('telpher_job_queue_wait_seconds_count{pool="eu"} 5')
  expect(lines).toContain('telpher_job_queue_wait_seconds_sum{pool="eu"} 1000007.031')
})

test('label values are escaped, a gauge that was cleared is not told, and what is of the other kind of process is not there', () => {
  const registry = createRegistry('server')
  registry.set('telpher_queue_depth', { pool: 'a"b\\c\nd' }, 4)
  expect(registry.text()).toContain('telpher_queue_depth{pool="a\\"b\\\\c\\nd"} 4\n')
  registry.clear('telpher_queue_depth')
  registry.add('telpher_claims_lost_total', {})
  expect(registry.text()).not.toMatch(/telpher_queue_depth|telpher_claims_lost_total/)
})

test('no metric has an id of a deployment, a job or a worker for a label, and every histogram has ascending buckets', () => {
  for (const [name, { labels, type, buckets }] of Object.entries(metricTable)) {
    expect(
      labels.filter((label) => /run|deployment|job|attempt|worker|id$/.test(label)),
      name,
    ).toEqual([])
    expect(buckets !== undefined, name).toBe(type === 'histogram')
    expect(
      buckets?.toSorted((a, b) => a - b),
      name,
    ).toEqual(buckets)
  }
})
