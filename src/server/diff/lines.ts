/** Lines around a change that are shown with it, as diff -u does. */
const around = 3
/** More edits than this are told of as one replacement: the search costs their square. */
const mostEdits = 1000

type Edit = readonly [' ' | '-' | '+', string]

/** Walks the furthest paths back to the start (Myers, "An O(ND) Difference Algorithm", 1986). */
const editsFrom = (a: readonly string[], b: readonly string[], trace: readonly Map<number, number>[]): Edit[] => {
  const edits: Edit[] = []
  let [x, y] = [a.length, b.length]
  for (let depth = trace.length - 1; depth >= 0; depth--) {
    const before = trace[depth] ?? new Map<number, number>()
    const k = x - y
    const isDown = k === -depth || (k !== depth && (before.get(k - 1) ?? -1) < (before.get(k + 1) ?? -1))
    const fromK = isDown ? k + 1 : k - 1
    const fromX = before.get(fromK) ?? 0
    const fromY = fromX - fromK
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      edits.push([' ', a[x - 1] ?? ''])
      x--
      y--
    }
    if (depth > 0) edits.push(isDown ? ['+', b[y - 1] ?? ''] : ['-', a[x - 1] ?? ''])
    x = fromX
    y = fromY
  }
  return edits.reverse()
}

const shortestEdits = (a: readonly string[], b: readonly string[]): Edit[] => {
  const furthest = new Map<number, number>([[1, 0]])
  const trace: Map<number, number>[] = []
  for (let depth = 0; depth <= Math.min(a.length + b.length, mostEdits); depth++) {
    trace.push(new Map(furthest))
    for (let k = -depth; k <= depth; k += 2) {
      const isDown = k === -depth || (k !== depth && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1))
      let x = isDown ? (furthest.get(k + 1) ?? 0) : (furthest.get(k - 1) ?? 0) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      furthest.set(k, x)
      if (x >= a.length && x - k >= b.length) return editsFrom(a, b, trace)
    }
  }
  return [...a.map((line): Edit => ['-', line]), ...b.map((line): Edit => ['+', line])]
}

const hunkHead = (aStart: number, aCount: number, bStart: number, bCount: number): string =>
  `@@ -${aCount === 0 ? aStart : aStart + 1},${aCount} +${bCount === 0 ? bStart : bStart + 1},${bCount} @@`

/**
 * The differences of two texts as the lines of a unified diff (POSIX diff -u), without the names of files.
 * @returns nothing when they are the same but for a last line break
 */
export const unifiedDiff = (a: string, b: string): string[] => {
  const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
  const edits = shortestEdits(linesOf(a), linesOf(b))
  const isNear = edits.map(() => false)
  edits.forEach(([mark], index) => {
    if (mark !== ' ') isNear.fill(true, Math.max(0, index - around), index + around + 1)
  })
  const found: string[] = []
  let [aAt, bAt] = [0, 0]
  for (let index = 0; index < edits.length; ) {
    if (isNear[index] !== true) {
      aAt++
      bAt++
      index++
      continue
    }
    const end = isNear.indexOf(false, index)
    const hunk = edits.slice(index, end === -1 ? edits.length : end)
    const aCount = hunk.filter(([mark]) => mark !== '+').length
    const bCount = hunk.filter(([mark]) => mark !== '-').length
    found.push(hunkHead(aAt, aCount, bAt, bCount), ...hunk.map(([mark, line]) => `${mark}${line}`))
    aAt += aCount
    bAt += bCount
    index += hunk.length
  }
  return found
}
