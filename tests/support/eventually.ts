/**
 * Asks again until the answer is neither undefined nor false, so that no test sleeps as synchronisation.
 * @param ask the question; what it throws counts as "not yet" and is the cause when time runs out
 * @param deadlineMs milliseconds until giving up
 * @returns the first real answer
 * @throws Error with the last failure as its cause when the deadline passes
 */
export const eventually = async <T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = 30_000,
  everyMs = 25,
): Promise<T> => {
  const end = performance.now() + deadlineMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`did not happen within ${deadlineMs} ms`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
