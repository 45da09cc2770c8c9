import type { Deployment, Job } from '../model/deployment.ts'
import { deadAfterMs, type SeenWorker } from '../model/worker.ts'
import { createRunCounts, pipelineOf } from '../telemetry/cicd.ts'
import { startOtlp } from '../telemetry/otlp.ts'
import type { OtlpConfig } from '../telemetry/otlp-config.ts'
import type { Instrument, Point } from '../telemetry/otlp-types.ts'
import type { Registry } from '../telemetry/registry.ts'
import { runSpans } from '../telemetry/runspans.ts'
import { version } from '../version.ts'

/** What a server sends to an OpenTelemetry endpoint. */
export interface ServerTelemetry {
  /** Told a deployment that this server brought to its end. */
  finished(deployment: Deployment, jobs: readonly Job[]): void
  /** Whether this server is the one of several that tells what there is once in an installation. */
  setTurn(isOurs: boolean): void
  close(): Promise<void>
}

interface TelemetryOptions {
  readonly config: OtlpConfig
  readonly registry: Registry
  /** Id of this start of the server. */
  readonly server: string
  readonly workers: () => Promise<{ readonly workers: readonly SeenWorker[]; readonly now: number }>
  /** Deployments that have not ended. */
  readonly active: () => Iterable<{ readonly state: string; readonly deployment: Deployment }>
  readonly log: (line: object) => void
}

const counted = (attributes: readonly Readonly<Record<string, string>>[]): readonly Point[] =>
  [...Map.groupBy(attributes, (one) => JSON.stringify(one)).values()].flatMap((same) =>
    same[0] === undefined ? [] : [{ attributes: same[0], value: same.length }],
  )

/** Of a worker that drains the conventions know no more than that it is busy. */
const workerState = ({ state, seenAt }: SeenWorker, now: number): string => {
  if (now - seenAt > deadAfterMs) return 'offline'
  return state === 'draining' ? 'busy' : state
}

export const startTelemetry = ({ config, registry, server, workers, active, log }: TelemetryOptions): ServerTelemetry => {
  const runs = createRunCounts()
  let isOurTurn = false

  const ofInstallation = async (): Promise<readonly Instrument[]> => {
    const seen = await workers()
    return [
      {
        name: 'cicd.pipeline.run.active',
        unit: '{run}',
        description: 'The number of pipeline runs currently active in the system by state.',
        type: 'updown',
        points: counted(
          [...active()].map(({ state, deployment }) => ({
            'cicd.pipeline.name': pipelineOf(deployment),
            'cicd.pipeline.run.state': state,
          })),
        ),
      },
      {
        name: 'cicd.worker.count',
        unit: '{count}',
        description: 'The number of workers on the CICD system by state.',
        type: 'updown',
        points: ['available', 'busy', 'offline'].map((state) => ({
          attributes: { 'cicd.worker.state': state },
          value: seen.workers.filter((worker) => workerState(worker, seen.now) === state).length,
        })),
      },
    ]
  }
  const instruments = async (): Promise<readonly Instrument[]> => [
    ...runs.instruments(),
    {
      name: 'cicd.system.errors',
      unit: '{error}',
      description: 'The number of errors in a component of the CICD system (eg. controller, scheduler, agent).',
      type: 'counter',
      points: registry.samples('telpher_system_errors_total').map(({ labels, value }) => ({
        attributes: { 'cicd.system.component': labels['component'] ?? '', 'error.type': '_OTHER' },
        value,
      })),
    },
    ...(isOurTurn ? await ofInstallation() : []),
  ]
  const otlp = startOtlp({
    config,
    resource: { 'service.instance.id': server },
    version,
    onDropped: (count) => registry.add('telpher_telemetry_dropped_total', {}, count),
    log,
    instruments,
  })
  return {
    finished(deployment, jobs) {
      runs.ended(deployment, jobs)
      for (const span of runSpans(deployment, jobs)) otlp.span(span)
    },
    setTurn: (isOurs) => {
      isOurTurn = isOurs
    },
    close: otlp.close,
  }
}
