/** The counters, each with the labels of its series. */
export interface Counters {
  telpher_runs_total: 'result'
  telpher_jobs_total: 'result'
  telpher_job_retries_total: never
  telpher_attempts_lost_total: 'action'
  telpher_claims_lost_total: never
  telpher_fences_total: 'outcome'
  telpher_api_requests_total: 'code'
  telpher_system_errors_total: 'component'
  telpher_gate_requests_total: 'code'
  telpher_gate_refusals_total: 'code'
  telpher_writes_total: never
  telpher_log_bytes_total: never
  telpher_containers_taken_total: 'start'
  telpher_redis_reconnects_total: never
  telpher_telemetry_dropped_total: never
  process_cpu_seconds_total: never
}

/** The gauges. */
export interface Gauges {
  telpher_build_info: 'version' | 'process'
  telpher_runs_active: 'state'
  telpher_queue_depth: 'pool'
  telpher_queue_oldest_wait_seconds: 'pool'
  telpher_workers: 'pool' | 'state'
  telpher_slots: 'pool' | 'state'
  telpher_pool_desired_workers: 'pool'
  telpher_targets: 'pool'
  telpher_target_up: 'target'
  telpher_target_checked_timestamp_seconds: 'target'
  telpher_targets_omitted: never
  telpher_credential_expires_timestamp_seconds: 'target'
  telpher_credential_issued_timestamp_seconds: 'target'
  telpher_account_alarms: 'target' | 'level'
  telpher_account_rotation_since_timestamp_seconds: 'target' | 'state'
  telpher_account_next_rotation_timestamp_seconds: 'target'
  telpher_account_proven_timestamp_seconds: 'target'
  telpher_account_used_timestamp_seconds: 'target' | 'by'
  telpher_worker_ready: never
  telpher_worker_slots: 'state'
  telpher_containers_waiting: never
  telpher_redis_up: never
  telpher_redis_used_bytes: 'redis'
  telpher_redis_max_bytes: 'redis'
  telpher_redis_level: 'redis'
  process_resident_memory_bytes: never
  process_start_time_seconds: never
}

/** The histograms. */
export interface Histograms {
  telpher_run_duration_seconds: 'phase'
  telpher_job_phase_duration_seconds: 'phase'
  telpher_job_queue_wait_seconds: 'pool'
  telpher_event_loop_delay_seconds: never
}

export type CounterName = keyof Counters
export type GaugeName = keyof Gauges
export type HistogramName = keyof Histograms
export type MetricName = CounterName | GaugeName | HistogramName
/** The labels that a sample of this metric must have. */
export type LabelsOf<Name extends MetricName> = Readonly<Record<(Counters & Gauges & Histograms)[Name], string>>
