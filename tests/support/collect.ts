/**
 * Takes from a stream that may never end, so far as wanted.
 * @param enough whether what was taken will do; the stream is then closed
 */
export const collect = async <T>(stream: AsyncIterable<T>, enough: (taken: readonly T[]) => boolean = () => false): Promise<T[]> => {
  const taken: T[] = []
  for await (const item of stream) {
    taken.push(item)
    if (enough(taken)) break
  }
  return taken
}
