import type { BackupSum } from '../../model/backup.ts'

/**
 * How full a Redis is: at `warn` the oldest logs go early, at `refuse` nothing new is taken, at `reserve` log lines are left out so that what
 * runs comes to its end.
 */
export type MemoryLevel = 'ok' | 'warn' | 'refuse' | 'reserve'

export interface MemoryUse {
  /** `store` has logs and packages; where there is one Redis for everything, it is that one. */
  readonly redis: 'state' | 'store'
  /** Host and port. */
  readonly place: string
  readonly usedBytes: number
  /** 0 where no maxmemory is set: then nothing is known of how full it is. */
  readonly maxBytes: number
  readonly ratio?: number
  readonly level: MemoryLevel
}

export interface Memory {
  /**
   * Each Redis of the store.
   * @param maxAgeMs what was seen so long ago will do, in ms; 1000 when absent
   */
  look(maxAgeMs?: number): Promise<readonly MemoryUse[]>
  /** @throws TelpherError redis_full when nothing new may be taken */
  mustHaveRoom(): Promise<void>
}

/** Removes what is no longer kept; safe to repeat, by several servers, and to be cut anywhere. */
export interface Sweep {
  /** Finished deployments that are too old or too many, with all that belongs to them. @returns how many went */
  deployments(now?: number): Promise<number>
  /** Packages that no kept deployment refers to, after their grace. @returns how many went */
  packages(): Promise<number>
  /** Logs before their time, the oldest first, when memory is short. @returns how many deployments lost theirs */
  logs(now?: number): Promise<number>
}

/** Everything that lasts of an installation, in one file: targets with their sealed accounts, what has ended, and its packages. */
export interface Backup {
  /**
   * Lines of text. Deployments that have not ended are not in it.
   * @param options.logs whether logs are
   */
  read(options: { readonly logs: boolean }): AsyncIterable<string>
  /**
   * Writes a backup into an empty installation; one that was cut can be done again.
   * @param known ids of the master keys that there are
   * @throws TelpherError backup_damaged, store_not_empty, store_newer, sealed_record, redis_*
   */
  restore(source: AsyncIterable<Uint8Array>, known: readonly string[]): Promise<BackupSum>
  /** Whether a restore was begun and is not complete. */
  isRestoring(): Promise<boolean>
}
