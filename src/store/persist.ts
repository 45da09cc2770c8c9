import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, TelpherError } from '../model/errors.ts'

/** Whether Redis has no room for more. */
export const isFull = (thrown: unknown): boolean => thrown instanceof TelpherError && thrown.code === 'redis_full'

/** How long what must not be lost is tried again, in ms: well over the outages that are promised to be survived. */
const outageMs = 600_000

/** A master that has just taken over may not know the users of the one before, until somebody tells it. */
const outages: ReadonlySet<ErrorCode> = new Set(['redis_timeout', 'redis_unreachable', 'redis_full', 'redis_denied', 'redis_tls'])

/** Whether trying again may help: Redis was away, slow or full. */
export const isOutage = (thrown: unknown): boolean => thrown instanceof TelpherError && outages.has(thrown.code)

/**
 * Tries a call of the store again until Redis is back. The call must be safe to repeat.
 * @param options.forMs milliseconds until the last error is thrown; ten minutes when absent
 * @param options.unless an error that is thrown at once
 * @param options.signal ends the trying at once, with the last error
 * @throws whatever else the call throws, at once
 */
export const untilThrough = async <T>(
  work: () => Promise<T>,
  options: { readonly forMs?: number; readonly signal?: AbortSignal; readonly unless?: (error: unknown) => boolean } = {},
): Promise<T> => {
  const end = performance.now() + (options.forMs ?? outageMs)
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!isOutage(error) || options.unless?.(error) === true || performance.now() > end || options.signal?.aborted) throw error
      await sleep(Math.min(50 * 2 ** tries, 500), undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {})
    }
  }
}
