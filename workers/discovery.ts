import { createDiscoveryCache, type DiscoveryCache } from '../src/gate/index.ts'
import type { Target } from '../src/model/target.ts'

/** What was discovered of each API server, kept apart by the account that asked: another one may see less. */
export const discoveryCaches = (): ((target: Target) => DiscoveryCache) => {
  const caches = new Map<string, DiscoveryCache>()
  return (target) => {
    const key = `${target.name} ${target.account.id}`
    const known = caches.get(key)
    if (known !== undefined) return known
    const made = createDiscoveryCache()
    caches.set(key, made)
    return made
  }
}
