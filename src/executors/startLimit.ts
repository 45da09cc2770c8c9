import { TelpherError } from '../model/errors.ts'

/** Milliseconds that an engine may take for one start. */
const patience = 120_000
/** Milliseconds that a start which was given up may take to clear away what it made. */
const grace = 10_000

/**
 * Bounds a start in time, so that an engine that hangs does not hang its caller.
 * Given up, a start has some time to clear away; after that it goes on clearing away by itself.
 * @param start is told by the signal when to give up
 * @throws the reason of the caller's signal, or TelpherError docker_unreachable when the time is over
 */
export const startLimit = async <T>(start: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> => {
  const late = new TelpherError('docker_unreachable', `The Docker engine did not start a container within ${patience / 1000} s`)
  const limit = new AbortController()
  const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
  const timers = [setTimeout(() => limit.abort(late), patience)]
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const giveUp = () => timers.push(setTimeout(() => reject(either.reason), grace))
  either.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([start(either), givenUp])
  } finally {
    either.removeEventListener('abort', giveUp)
    for (const timer of timers) clearTimeout(timer)
  }
}
