/** How a check of `telpher doctor` came out; `skip` means that it could not be tried, or is of no use here. */
export const checkStatuses = ['ok', 'warn', 'fail', 'skip'] as const
export type CheckStatus = (typeof checkStatuses)[number]

/** One line of `telpher doctor`. */
export interface DoctorCheck {
  readonly id: string
  /** Which one, where there are several: a pool, a target, a worker, one of two Redis. */
  readonly subject?: string
  readonly status: CheckStatus
  /** What was found. */
  readonly seen: string
  /** Why it matters, in a few words. */
  readonly why: string
  /** The command that mends it, or what to do; always there for `warn` and `fail`. */
  readonly fix?: string
  /** Time that the looking took, in ms. */
  readonly ms: number
}

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[]
  readonly summary: Readonly<Record<CheckStatus, number>>
}

/** What `GET /v1/doctor` answers. */
export interface ServerDoctorReport extends DoctorReport {
  readonly version: string
  /** The clock of the server, ms since the epoch. */
  readonly now: number
}
