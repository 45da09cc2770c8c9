import type { Connection } from './connection.ts'
import { packageIndexKey, packageKey } from './keys.ts'
import { createScan } from './scan.ts'
import type { StoreLimits } from './types.ts'

/** What a step may work on. */
export interface MigrationContext {
  readonly connection: Connection
  /** Where logs and packages are. */
  readonly store: Connection
  readonly limits: StoreLimits
}

/**
 * One step forward from a version to the next. It may be cut anywhere and begun again, and programs of the version before may write
 * meanwhile and go on afterwards: so it repeats without harm, and what it makes is valid for both.
 */
export interface Migration {
  readonly from: number
  readonly about: string
  /** Set where older programs could not work with what it makes: then it waits until there are none, and none may begin. */
  readonly leavesBehind?: true
  run(context: MigrationContext): Promise<void>
}

/** Every package gets its place in the index and a time of last use: the sweep finds packages by them. */
const indexPackages: Migration = {
  from: 1,
  about: 'packages are indexed',
  run: async ({ store, limits }) => {
    const [before, after] = packageKey('*').split('*') as [string, string]
    const scan = createScan(store, packageKey('*'), 1000)
    do {
      for (const key of await scan.page()) {
        const sha256 = key.slice(before.length, key.length - after.length)
        await store.call((redis) => redis.zadd(packageIndexKey, 'NX', Date.now(), sha256))
        await store.script('use-package', [key], [limits.packageMs])
      }
    } while (!scan.isRound())
  },
}

/** All steps in order, from version 1 on: a new form of what is stored is a step at the end. */
export const migrations: readonly Migration[] = [indexPackages]
