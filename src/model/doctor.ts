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

/** What a Redis tells of itself; what it does not tell is absent. */
export interface RedisFacts {
  /** Host and port. */
  readonly place: string
  /** Median round trip of five pings, in ms. */
  readonly latencyMs: number
  readonly version?: string
  readonly policy?: string
  readonly appendOnly?: boolean
  /** Of the append-only file and of the last snapshot. */
  readonly writesFail?: string
  readonly usedBytes: number
  /** 0 where no maxmemory is set. */
  readonly maxBytes: number
  readonly role: string
  /** Replicas of a master. */
  readonly replicas: readonly { readonly state: string; readonly lagSeconds: number }[]
  /** Its clock less ours, in ms. */
  readonly skewMs: number
  /** The version of Valkey, where it is one; `version` is then that of Redis that it stands for. */
  readonly valkey?: string
  readonly reach: 'loopback' | 'socket' | 'network'
  readonly tls: boolean
  /** Whether it lets in who shows no password. */
  readonly open?: boolean
  /** Mode of its socket, where it is reached by one. */
  readonly socketMode?: number
}

/** What an engine tells of itself. */
export interface EngineFacts {
  readonly version: string
  /** `1` or `2`. */
  readonly cgroupVersion: string
  readonly seccomp: 'default' | 'unconfined' | 'none'
  readonly userNamespaces: boolean
  readonly rootless: boolean
  readonly limits: { readonly memory: boolean; readonly swap: boolean; readonly cpu: boolean; readonly pids: boolean }
  readonly hasImage: boolean
}
