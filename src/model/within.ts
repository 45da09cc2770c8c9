/**
 * What comes of work, unless its time is over before: the work itself goes on, unheard.
 * @param ms the time, in ms
 * @param error what it throws then
 */
export const within = async <T>(work: Promise<T>, ms: number, error: Error = new Error('timed out')): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(error), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
