import type { Counters, Gauges, Histograms } from './names.ts'

/** A process that counts. */
export type Counting = 'server' | 'worker'

export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, ascending, without infinity. */
  readonly buckets?: readonly number[]
  readonly of: readonly Counting[]
  /** Labels that are there from the start with 0: a rate over what was never counted says nothing. */
  readonly start?: readonly Readonly<Record<string, string>>[]
}

type Typed<Names, Type extends MetricSpec['type']> = {
  readonly [Name in keyof Names]: MetricSpec & { readonly type: Type; readonly labels: readonly Names[Name][] }
}
type MetricTable = Typed<Counters, 'counter'> & Typed<Gauges, 'gauge'> & Typed<Histograms, 'histogram'>

const results = ['success', 'failure', 'error', 'timeout', 'cancellation', 'skip'] as const
const each = (label: string, values: readonly string[]): readonly Readonly<Record<string, string>>[] =>
  values.map((value) => ({ [label]: value }))
const alone: readonly Readonly<Record<string, string>>[] = [{}]

/** Waits of a queue and phases of a job, in s: from what a warm worker does to what an operator gets up for. */
const waits: readonly number[] = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900]
const phases: readonly number[] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800]
const runs: readonly number[] = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 7200]
const delays: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const components = ['api', 'scheduler', 'watchdog', 'inbox', 'retention', 'scaler', 'audit', 'queue', 'worker'] as const
const codes = ['2xx', '3xx', '4xx', '5xx'] as const

/**
 * Every metric of server and workers (prometheus.io/docs/practices/naming: one prefix, base units, `_total` for counters).
 * An id of a deployment, a job or an object is never a label. What is marked of both is counted by the process that did it.
 */
export const metricTable: MetricTable = {
  telpher_build_info: {
    type: 'gauge',
    help: 'Always 1; the version of this process is its label.',
    labels: ['version', 'process'],
    of: ['server', 'worker'],
  },
  telpher_runs_total: {
    type: 'counter',
    help: 'Deployments that ended, by result, counted by the server that ended them.',
    labels: ['result'],
    of: ['server'],
    start: each('result', results),
  },
  telpher_run_duration_seconds: {
    type: 'histogram',
    help: 'How long deployments that ended were pending (before their first job was admitted) and executing (from there to their end).',
    labels: ['phase'],
    buckets: runs,
    of: ['server'],
    start: each('phase', ['pending', 'executing']),
  },
  telpher_runs_active: {
    type: 'gauge',
    help: 'Deployments that have not ended, by state, as this server last saw them.',
    labels: ['state'],
    of: ['server'],
  },
  telpher_jobs_total: {
    type: 'counter',
    help: 'Jobs that ended, by result, counted by the process that ended them.',
    labels: ['result'],
    of: ['server', 'worker'],
    start: each('result', results),
  },
  telpher_job_phase_duration_seconds: {
    type: 'histogram',
    help: 'How long the attempts of jobs took in each phase.',
    labels: ['phase'],
    buckets: phases,
    of: ['worker'],
    start: each('phase', ['prepare', 'run', 'verify', 'finish']),
  },
  telpher_job_queue_wait_seconds: {
    type: 'histogram',
    help: 'How long jobs waited between their admission and their start by a worker.',
    labels: ['pool'],
    buckets: waits,
    of: ['worker'],
  },
  telpher_job_retries_total: {
    type: 'counter',
    help: 'Attempts that came to an end which another attempt is to follow.',
    labels: [],
    of: ['server', 'worker'],
    start: alone,
  },
  telpher_attempts_lost_total: {
    type: 'counter',
    help: 'Attempts whose worker died or was cut off, by what followed: requeue or end.',
    labels: ['action'],
    of: ['server'],
    start: each('action', ['requeue', 'end']),
  },
  telpher_claims_lost_total: {
    type: 'counter',
    help: 'Attempts of this worker that another one took over.',
    labels: [],
    of: ['worker'],
    start: alone,
  },
  telpher_fences_total: {
    type: 'counter',
    help: 'Lost attempts that this server fenced, by whether the API server was seen to refuse their credential.',
    labels: ['outcome'],
    of: ['server'],
    start: each('outcome', ['refused', 'unproven']),
  },
  telpher_queue_depth: {
    type: 'gauge',
    help: 'Jobs that wait for a worker of the pool: in its queue, or before it because all its workers are busy.',
    labels: ['pool'],
    of: ['server'],
  },
  telpher_queue_oldest_wait_seconds: {
    type: 'gauge',
    help: 'How long the job has waited that waits longest for a worker of the pool; 0 when none does.',
    labels: ['pool'],
    of: ['server'],
  },
  telpher_workers: {
    type: 'gauge',
    help: 'Workers by pool and state; offline ones are forgotten an hour after they were last heard.',
    labels: ['pool', 'state'],
    of: ['server'],
  },
  telpher_slots: {
    type: 'gauge',
    help: 'Jobs that the workers of a pool which take work can run at a time, and how many of these places are taken.',
    labels: ['pool', 'state'],
    of: ['server'],
  },
  telpher_pool_desired_workers: {
    type: 'gauge',
    help: 'Workers that a pool should have, where it is scaled.',
    labels: ['pool'],
    of: ['server'],
  },
  telpher_targets: {
    type: 'gauge',
    help: 'Targets by pool.',
    labels: ['pool'],
    of: ['server'],
  },
  telpher_target_up: {
    type: 'gauge',
    help: 'Whether a deployment could run at the target when it was last tried from its pool: 1 or 0; absent where nobody tried it lately.',
    labels: ['target'],
    of: ['server'],
  },
  telpher_target_checked_timestamp_seconds: {
    type: 'gauge',
    help: 'When the target was last tried from its pool, in s since the epoch; absent where targets are not tried from time to time.',
    labels: ['target'],
    of: ['server'],
  },
  telpher_targets_omitted: {
    type: 'gauge',
    help: 'Targets that have no series of their own: beyond 1000 those that are well are left out.',
    labels: [],
    of: ['server'],
  },
  telpher_credential_expires_timestamp_seconds: {
    type: 'gauge',
    help: 'When the credential of a target expires, in s since the epoch, where it says so.',
    labels: ['target'],
    of: ['server'],
  },
  telpher_credential_issued_timestamp_seconds: {
    type: 'gauge',
    help: 'Since when the target has the credential that expires then, in s since the epoch.',
    labels: ['target'],
    of: ['server'],
  },
  telpher_account_alarms: {
    type: 'gauge',
    help: 'What is wrong with the account of a target, by how grave it is; telpher account status says it in words.',
    labels: ['target', 'level'],
    of: ['server'],
  },
  telpher_account_rotation_since_timestamp_seconds: {
    type: 'gauge',
    help: 'Since when the rotation of an account is in its state, in s since the epoch; only the state that it is in has a series.',
    labels: ['target', 'state'],
    of: ['server'],
  },
  telpher_account_next_rotation_timestamp_seconds: {
    type: 'gauge',
    help: 'When the next rotation of an account begins by itself, in s since the epoch; absent for never.',
    labels: ['target'],
    of: ['server'],
  },
  telpher_account_proven_timestamp_seconds: {
    type: 'gauge',
    help: 'When the used version of an account was proven by itself, in s since the epoch; absent before its first rotation.',
    labels: ['target'],
    of: ['server'],
  },
  telpher_account_used_timestamp_seconds: {
    type: 'gauge',
    help: 'The last write that the API server took from an account, or from what was minted from it, in s since the epoch, by who made it.',
    labels: ['target', 'by'],
    of: ['server'],
  },
  telpher_api_requests_total: {
    type: 'counter',
    help: 'Requests to the HTTP API, by the class of their answer.',
    labels: ['code'],
    of: ['server'],
    start: each('code', codes),
  },
  telpher_system_errors_total: {
    type: 'counter',
    help: "Troubles of Telpher's own parts, or of what they stand on, by part: what is logged as a warning or an error.",
    labels: ['component'],
    of: ['server', 'worker'],
    start: each('component', components),
  },
  telpher_gate_requests_total: {
    type: 'counter',
    help: "Requests of steps that the gate let through, by the class of the API server's answer.",
    labels: ['code'],
    of: ['worker'],
    start: each('code', codes),
  },
  telpher_gate_refusals_total: {
    type: 'counter',
    help: 'Requests of steps that the gate refused, by error code.',
    labels: ['code'],
    of: ['worker'],
  },
  telpher_writes_total: {
    type: 'counter',
    help: 'Writes of steps to API servers, as the ledger has them.',
    labels: [],
    of: ['worker'],
    start: alone,
  },
  telpher_log_bytes_total: {
    type: 'counter',
    help: 'Bytes that the programs of steps wrote to their output.',
    labels: [],
    of: ['worker'],
    start: alone,
  },
  telpher_worker_ready: {
    type: 'gauge',
    help: 'Whether this worker takes work: 1 or 0.',
    labels: [],
    of: ['worker'],
  },
  telpher_worker_slots: {
    type: 'gauge',
    help: 'Jobs that this worker can run at a time, by whether the place is taken.',
    labels: ['state'],
    of: ['worker'],
  },
  telpher_containers_taken_total: {
    type: 'counter',
    help: 'Containers that jobs took, by whether one was waiting.',
    labels: ['start'],
    of: ['worker'],
    start: each('start', ['warm', 'cold']),
  },
  telpher_containers_waiting: {
    type: 'gauge',
    help: 'Containers that wait for a job.',
    labels: [],
    of: ['worker'],
  },
  telpher_event_loop_delay_seconds: {
    type: 'histogram',
    help: 'The longest that the event loop of this process stood in each second.',
    labels: [],
    buckets: delays,
    of: ['server', 'worker'],
    start: alone,
  },
  telpher_redis_up: {
    type: 'gauge',
    help: 'Whether Redis answered this scrape: 1 or 0. Without it what is read from Redis is absent.',
    labels: [],
    of: ['server'],
  },
  telpher_redis_reconnects_total: {
    type: 'counter',
    help: 'Connections to Redis that were made again after one broke; those of the queue are not counted.',
    labels: [],
    of: ['server', 'worker'],
    start: alone,
  },
  telpher_redis_used_bytes: {
    type: 'gauge',
    help: 'Memory that Redis counts against its maxmemory.',
    labels: ['redis'],
    of: ['server'],
  },
  telpher_redis_max_bytes: {
    type: 'gauge',
    help: 'The maxmemory of Redis; 0 where none is set.',
    labels: ['redis'],
    of: ['server'],
  },
  telpher_redis_level: {
    type: 'gauge',
    help: '0 room, 1 old logs go early, 2 new deployments are refused, 3 log lines are left out.',
    labels: ['redis'],
    of: ['server'],
  },
  telpher_telemetry_dropped_total: {
    type: 'counter',
    help: 'Spans that were not sent to the OpenTelemetry endpoint, because it did not take them or too many waited.',
    labels: [],
    of: ['server', 'worker'],
    start: alone,
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'User and system CPU time of this process.',
    labels: [],
    of: ['server', 'worker'],
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of this process.',
    labels: [],
    of: ['server', 'worker'],
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When this process started, in s since the epoch.',
    labels: [],
    of: ['server', 'worker'],
  },
}

/** The class of an HTTP status, such as `4xx`. */
export const codeClass = (status: number): string => `${Math.floor(status / 100)}xx`
