import type { ErrorCode } from './errors.ts'

/** The rungs of a target's check, in order: a rung is not tried when one before it that it needs has failed. */
export const checkRungs = [
  'worker',
  'dns',
  'tcp',
  'tls',
  'expiry',
  'authentication',
  'authorization',
  'dry-run',
  'version',
  'clock',
  'image',
] as const
export type CheckRung = (typeof checkRungs)[number]

/** One line of the ladder. */
export interface CheckLine {
  readonly rung: CheckRung
  /** What was looked at, such as the verb, resource and namespace of an authorisation line. */
  readonly subject: string
  readonly status: 'ok' | 'warn' | 'failed' | 'skipped'
  readonly ms: number
  /** What was found. */
  readonly message: string
  readonly code?: ErrorCode
  /** What to do about it. */
  readonly fix?: string
}

export interface CheckReport {
  readonly target: string
  readonly ok: boolean
  readonly at: number
  /** The worker that ran it. */
  readonly worker: string
  readonly serverVersion?: string
  readonly lines: readonly CheckLine[]
}
