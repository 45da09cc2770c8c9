import { setTimeout as pause } from 'node:timers/promises'
import { toTelpherError } from '../model/errors.ts'

/** How long a server that is away is asked for what is known to be there, in ms. */
const patienceMs = 60_000
const mostTries = 5

/** Asks through an outage of the server. @throws what trying again does not help against */
export const insist = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (const end = performance.now() + patienceMs; ; await pause(500)) {
    try {
      return await ask()
    } catch (thrown) {
      if (!toTelpherError(thrown).retryable || performance.now() > end) throw thrown
    }
  }
}

/** Asks once more, a few times, when the answer gets lost. @param ask with an idempotency key, so that repeating is harmless */
export const untilAnswered = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (thrown) {
      if (!toTelpherError(thrown).retryable || tries === mostTries) throw thrown
      await pause(500 * tries)
    }
  }
}
