import { TelpherError } from '../model/errors.ts'
import type { Store, StoreOptions } from './types.ts'

export type * from './types.ts'

/**
 * Connects to Redis and checks that it keeps what it is given: version 6.2 or newer, no eviction, append-only file.
 * @throws TelpherError redis_unreachable, redis_version, redis_eviction, redis_persistence
 */
export const openStore = async (_options: StoreOptions): Promise<Store> => {
  throw new TelpherError('internal', 'the store is not there yet')
}
