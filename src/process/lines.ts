import type { Place } from './types.ts'

/**
 * Finds lines and columns of offsets in a text. yaml's own counter loses lines where a scalar spans several in a flow collection.
 * @param source lines end with LF, or CR and LF
 */
export const createLines = (source: string): ((offset: number) => Place) => {
  const starts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    const [before, after] = [starts.findLastIndex((start) => start <= offset), Math.min(Math.max(0, offset), source.length)]
    const line = Math.max(0, before)
    return { line: line + 1, column: after - (starts[line] ?? 0) + 1 }
  }
}
