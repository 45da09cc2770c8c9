/** Lets at most so many run at once; the rest wait in order. */
export type Turns = <T>(run: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/**
 * @param width how many may run at the same time
 * @returns a function that runs its argument when a place is free; a waiting one whose signal aborts leaves the line and rejects with the signal's reason
 */
export const turns = (width: number): Turns => {
  let free = width
  const waiting: (() => void)[] = []
  const place = (signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (free > 0) {
        free -= 1
        resolve()
        return
      }
      const enter = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1)
        reject(signal?.reason)
      }
      waiting.push(enter)
      signal?.addEventListener('abort', leave, { once: true })
    })
  return async (run, signal) => {
    signal?.throwIfAborted()
    await place(signal)
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
