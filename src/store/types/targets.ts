import type { CheckReport } from '../../model/check.ts'
import type { SealedRecord } from '../../model/credential.ts'
import type { Freeze } from '../../model/freeze.ts'
import type { HealthRecord } from '../../model/health.ts'
import type { ImagePins } from '../../model/image.ts'
import type { Target } from '../../model/target.ts'
import type { AccountUses } from '../../model/use.ts'
import type { Asking, Proof } from './workers.ts'

export interface Targets {
  /** @throws TelpherError target_exists */
  create(target: Target, sealed: SealedRecord): Promise<void>
  /** @throws TelpherError unknown_target */
  get(name: string): Promise<Target>
  /** All targets by name. */
  list(): Promise<Target[]>
  /** Changes what is not its account; `change` may be called again with what others wrote. @throws TelpherError unknown_target */
  change(name: string, change: (target: Target) => Target): Promise<Target>
  /** @throws TelpherError unknown_target; target_in_use while an active deployment names it */
  remove(name: string): Promise<void>
}

export interface Health {
  list(): Promise<ReadonlyMap<string, HealthRecord>>
  put(name: string, record: HealthRecord): Promise<void>
  forget(names: readonly string[]): Promise<void>
  /** Whether it is this server's turn to try the targets, for so long, ms. */
  turn(server: string, forMs: number): Promise<boolean>
}

/** When accounts were last used: what is sealed into the record of who did what is noted here. */
export interface Uses {
  of(target: Pick<Target, 'name' | 'createdAt'>): Promise<AccountUses>
  /** @returns what tells it of each target, as it is now */
  all(): Promise<(target: Pick<Target, 'name' | 'createdAt'>) => AccountUses>
}

/** Where nothing new begins for a while. */
export interface Freezes {
  add(freeze: Freeze): Promise<void>
  /** Those that hold, the oldest first; what is over is removed. @param now ms since the epoch, by the clock of Redis */
  list(now: number): Promise<Freeze[]>
  /** @throws TelpherError unknown_freeze */
  lift(id: string): Promise<void>
}

/** Which image ids workers may start. */
export interface Images {
  /** All pins, by image name. */
  pins(): Promise<ImagePins>
  /** @param ids none takes the pin away */
  pin(image: string, ids: readonly string[]): Promise<void>
}

export interface Checks {
  /** Makes a check this worker's own. @returns false when it is another one's */
  claim(id: string, worker: string): Promise<boolean>
  /** As with claims: whether a worker may be answered about a check. @param isHeld whether its report must be awaited still */
  prove(id: string, asking: Asking, isHeld: boolean): Promise<Proof>
  put(id: string, report: CheckReport): Promise<void>
  /** Undefined while it is not ready, and 10 minutes after it was. */
  get(id: string): Promise<CheckReport | undefined>
}
