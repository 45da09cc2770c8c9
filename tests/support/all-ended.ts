/**
 * Waits until all have come to an end, so that nothing goes on, and no failure is left to nobody, once one of them has failed.
 * @returns what they came to
 * @throws what the first of them threw
 */
export const allEnded = async <T extends readonly unknown[] | []>(all: T): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> => {
  await Promise.allSettled(all)
  return Promise.all(all)
}
