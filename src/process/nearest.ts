/** How many letters must be put in, left out, replaced or swapped with their neighbour (optimal string alignment). */
const distance = (from: string, to: string): number => {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, index) => index)]
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    ;[beforeLast, last] = [last, current]
  }
  return last[to.length] ?? 0
}

/** Longer words are no slips of the pen for ours, and comparing them takes long. */
const longest = 64

/**
 * The word that was probably meant.
 * @returns undefined when none is near: at most one letter in three may differ, capitals never count
 */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > longest) return undefined
  const [best] = known
    .map((candidate) => ({ candidate, letters: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.letters - b.letters)
  return best !== undefined && best.letters <= Math.max(1, Math.floor(best.candidate.length / 3)) ? best.candidate : undefined
}
