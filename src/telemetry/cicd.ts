import type { Deployment, Job } from '../model/deployment.ts'
import { isTerminal, jobResult } from '../model/states.ts'
import type { Instrument, Point } from './otlp-types.ts'

/** Bounds of durations in s, as of the Prometheus histogram of runs. */
const bounds: readonly number[] = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 7200]
/** More names than these are told as one: a name is what people choose. */
const mostNames = 200

/** The name of a pipeline: what was said with `--name`; its steps else, since the same steps are the same pipeline. */
export const pipelineOf = ({ request }: Pick<Deployment, 'request'>): string =>
  request.name ??
  request.steps
    .map(({ name }) => name)
    .join(', ')
    .slice(0, 200)

const severity = ['success', 'skip', 'cancellation', 'timeout', 'failure', 'error']

/** The code of the gravest end of its jobs. */
export const errorTypeOf = (jobs: readonly Job[]): string =>
  jobs
    .flatMap(({ end }) => (end?.code === undefined ? [] : [{ code: end.code, rank: severity.indexOf(jobResult(end.status)) }]))
    .toSorted((a, b) => b.rank - a.rank)[0]?.code ?? '_OTHER'

export interface RunCounts {
  /** Counts a deployment that has ended. */
  ended(deployment: Deployment, jobs: readonly Job[]): void
  /** What was counted so far (opentelemetry.io/docs/specs/semconv/cicd/cicd-metrics). */
  instruments(): readonly Instrument[]
}

/** Counts runs by the conventions for CI/CD, beside what Prometheus is told. */
export const createRunCounts = (): RunCounts => {
  const names = new Set<string>()
  const durations = new Map<string, Point & { count: number; sum: number; buckets: number[] }>()
  const errors = new Map<string, Point & { value: number }>()
  const nameOf = (deployment: Deployment): string => {
    const name = pipelineOf(deployment)
    if (!names.has(name) && names.size >= mostNames) return '_OTHER'
    names.add(name)
    return name
  }
  const observe = (seconds: number, attributes: Record<string, string>): void => {
    const key = JSON.stringify(attributes)
    const point = durations.get(key) ?? { attributes, count: 0, sum: 0, buckets: [...bounds, 0].map(() => 0) }
    const at = bounds.findIndex((bound) => seconds <= bound)
    const index = at < 0 ? bounds.length : at
    point.buckets[index] = (point.buckets[index] ?? 0) + 1
    point.count++
    point.sum += seconds
    durations.set(key, point)
  }
  return {
    ended(deployment, jobs) {
      const { result, createdAt, startedAt, endedAt } = deployment
      if (result === undefined || endedAt === undefined) return
      const name = { 'cicd.pipeline.name': nameOf(deployment) }
      observe(Math.max(0, (startedAt ?? endedAt) - createdAt) / 1000, { ...name, 'cicd.pipeline.run.state': 'pending' })
      if (startedAt !== undefined)
        observe(Math.max(0, endedAt - startedAt) / 1000, {
          ...name,
          'cicd.pipeline.run.state': 'executing',
          'cicd.pipeline.result': result,
          ...(result === 'failure' || result === 'error' ? { 'error.type': errorTypeOf(jobs) } : {}),
        })
      for (const { status, end } of jobs) {
        if (!isTerminal(status) || !['failure', 'error', 'timeout'].includes(jobResult(status))) continue
        const attributes = { ...name, 'error.type': end?.code ?? '_OTHER' }
        const key = JSON.stringify(attributes)
        const point = errors.get(key) ?? { attributes, value: 0 }
        point.value++
        errors.set(key, point)
      }
    },
    instruments: () => [
      {
        name: 'cicd.pipeline.run.duration',
        unit: 's',
        description: 'Duration of a pipeline run grouped by pipeline, state and result.',
        type: 'histogram',
        bounds,
        points: [...durations.values()],
      },
      {
        name: 'cicd.pipeline.run.errors',
        unit: '{error}',
        description: 'The number of errors encountered in pipeline runs.',
        type: 'counter',
        points: [...errors.values()],
      },
    ],
  }
}
