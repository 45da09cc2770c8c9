export type { Detail } from './client/http.ts'
export type { HelmOptions, LocalStep } from './client/pack.ts'
export type { Ended, Run } from './client/run.ts'
export {
  type ConnectOptions,
  connect,
  type DeployOptions,
  type ListQuery,
  type StartOptions,
  type TargetInput,
  type Telpher,
} from './client/telpher.ts'
export type { CheckReport } from './model/check.ts'
export type { Deployment, DeploymentEvent, Job, LogLine, StoredEvent } from './model/deployment.ts'
export { type ErrorCode, errorNumber, errorTable, TelpherError } from './model/errors.ts'
export type { Retries, RetriesInput } from './model/retry.ts'
export type { Rollout } from './model/rollout.ts'
export type { JobEnd, JobStatus, Result } from './model/states.ts'
export type { Summary } from './model/summary.ts'
export type { Policy, Target } from './model/target.ts'
export type { Failure, ObjectProgress } from './model/verdict.ts'
