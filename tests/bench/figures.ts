/** One measured figure, as `npm run bench -- … -o json` prints it. */
export interface Figure {
  readonly id: string
  readonly value: number
  readonly unit: string
  readonly runs: number
  /** Ours divided by the peer's, for ids with `_vs_`. */
  readonly ratio?: number
  readonly peer?: { readonly name: string; readonly value: number }
}

/** The middle of the values; machines are noisy, so nothing else is reported. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** Rounds to three digits that mean something. */
export const rounded = (value: number): number => Number(value.toPrecision(3))

/** Milliseconds that the work takes, for each of `runs` runs. */
export const timed = async (runs: number, work: (run: number) => Promise<unknown>): Promise<number[]> => {
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    await work(run)
    times.push(performance.now() - start)
  }
  return times
}
