import type { Job } from '../src/model/deployment.ts'
import type { ToolsUsed } from '../src/model/image.ts'
import { type JobEnd, jobResult } from '../src/model/states.ts'
import type { Registry } from '../src/telemetry/registry.ts'
import { codeClass } from '../src/telemetry/table.ts'
import { version } from '../src/version.ts'

export type Phase = 'prepare' | 'run' | 'verify' | 'finish'

/** What came of an attempt: the end of its job, another attempt, or that it was taken away or could not be told. */
export type Outcome = 'ended' | 'retry' | 'handed_back' | 'superseded' | 'broken'

export interface PhaseTimes {
  readonly name: Phase
  /** ms since the epoch. */
  readonly startedAt: number
  readonly ms: number
}

/** One attempt as it was, for whoever counts it or shows it. Nothing in it is secret: the end was masked before. */
export interface AttemptFacts {
  readonly job: Job
  readonly outcome: Outcome
  readonly end?: JobEnd
  /** In the order in which they were. */
  readonly phases: readonly PhaseTimes[]
  readonly tools?: ToolsUsed
  /** Answers of the API server, by the class of their status. */
  readonly requests: ReadonlyMap<string, number>
  readonly refusals: number
  readonly writes: number
  readonly logBytes: number
}

/** Takes down what happens in one attempt, and counts it as it happens. */
export interface Story {
  phase(name: Phase): void
  ran(tools: ToolsUsed): void
  answered(status: number): void
  refused(code: string): void
  wrote(count: number): void
  output(bytes: number): void
  told(outcome: Outcome, end?: JobEnd): AttemptFacts
}

/** Begins with the phase `prepare`. @param job as it was taken */
export const createStory = (job: Job, registry: Registry): Story => {
  const phases: PhaseTimes[] = []
  const requests = new Map<string, number>()
  let now: { readonly name: Phase; readonly startedAt: number; readonly at: number } | undefined
  let tools: ToolsUsed | undefined
  let [refusals, writes, logBytes] = [0, 0, 0]

  const close = (): void => {
    if (now === undefined) return
    const { name, startedAt, at } = now
    const ms = performance.now() - at
    phases.push({ name, startedAt, ms: Math.round(ms) })
    registry.observe('telpher_job_phase_duration_seconds', { phase: name }, ms / 1000)
    now = undefined
  }
  const phase = (name: Phase): void => {
    if (now?.name === name) return
    close()
    now = { name, startedAt: Date.now(), at: performance.now() }
  }
  phase('prepare')
  return {
    phase,
    ran: (used) => {
      tools = used
    },
    answered(status) {
      const code = codeClass(status)
      requests.set(code, (requests.get(code) ?? 0) + 1)
      registry.add('telpher_gate_requests_total', { code })
    },
    refused(code) {
      refusals++
      registry.add('telpher_gate_refusals_total', { code })
    },
    wrote(count) {
      writes += count
      registry.add('telpher_writes_total', {}, count)
    },
    output(bytes) {
      logBytes += bytes
      registry.add('telpher_log_bytes_total', {}, bytes)
    },
    told(outcome, end) {
      close()
      if (outcome === 'superseded') registry.add('telpher_claims_lost_total', {})
      return {
        job,
        outcome,
        ...(end === undefined ? {} : { end }),
        phases,
        ...(tools === undefined ? {} : { tools }),
        requests,
        refusals,
        writes,
        logBytes,
      }
    },
  }
}

/**
 * An attempt as one flat line of the worker's log, with everything by which attempts are sorted and counted (docs/reference/metrics.md).
 * What is not known is absent.
 */
export const wideEvent = (facts: AttemptFacts): Readonly<Record<string, string | number | boolean>> => {
  const { job, outcome, end, phases, tools, requests, refusals, writes, logBytes } = facts
  const [first] = phases
  const readyAt = job.admittedAt === undefined ? undefined : Math.max(job.admittedAt, job.notBefore ?? 0)
  const sum = (ms: readonly number[]): number => ms.reduce((all, one) => all + one, 0)
  return Object.fromEntries(
    Object.entries({
      op: 'job',
      outcome,
      final: outcome === 'ended',
      result: end === undefined ? undefined : jobResult(end.status),
      status: end?.status,
      code: end?.code,
      step: job.step.name,
      kind: job.step.kind,
      target: job.target,
      pool: job.pool,
      namespace: job.lock.namespace,
      retries: job.retries ?? 0,
      losses: job.losses?.length ?? 0,
      queue_ms: readyAt === undefined || first === undefined ? undefined : Math.max(0, first.startedAt - readyAt),
      ...Object.fromEntries(phases.map(({ name, ms }) => [`${name}_ms`, ms])),
      total_ms: sum(phases.map(({ ms }) => ms)),
      requests: sum([...requests.values()]),
      ...Object.fromEntries([...requests].map(([code, count]) => [`requests_${code}`, count])),
      refusals,
      writes,
      log_bytes: logBytes,
      image: tools?.image,
      image_id: tools?.imageId,
      kubectl: tools?.kubectl,
      helm: tools?.helm,
      server_version: tools?.server,
      version,
    }).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  )
}
