import type { Stack } from '../../src/sandbox/stack.ts'
import { openStore } from '../../src/store/index.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded, timed } from './figures.ts'

const megabytes = 100
const lineBytes = 100
const linesABatch = 600
/** One line in so many holds what is searched for. */
const every = 1000
const wanted = 'cannot pull image'

/** A line unlike its neighbours, as real ones are: numbers are spread over the whole range. */
const textOf = (n: number): string => {
  const spread = Math.imul(n, 2_654_435_761) >>> 0
  const word = n % every === 0 ? wanted : 'object configured'
  return `${spread.toString(16)} pod/web-${spread % 9973} ${word} in ${n} ms`.padEnd(lineBytes - 1, spread.toString(36))
}

/**
 * `log.search_100mb_ms`: a search through the API of a stored log of 100 MB, of which nothing was left out.
 * @param one runs a deployment, whose log is then written on
 * @throws Error when not every match was counted
 */
export const searchSuite = async (stack: Stack, one: () => Promise<void>, runs: number): Promise<Figure[]> => {
  const store = await openStore({ url: stack.redis.url, limits: { logHeadBytes: 2 * megabytes * 1_000_000, logTailBytes: 0 } })
  try {
    await one()
    const [deployment] = (await store.deployments.list({ limit: 1 })).deployments
    const [job] = deployment === undefined ? [] : (await store.deployments.get(deployment.id)).jobs
    if (job === undefined) throw new Error('there is no job whose log could be written on')
    const log = store.logs(job)
    const lines = (megabytes * 1_000_000) / lineBytes
    for (let n = 1; n <= lines; n += linesABatch) {
      const count = Math.min(linesABatch, lines - n + 1)
      await log.append(Array.from({ length: count }, (_, index) => ({ stream: 'stdout' as const, text: textOf(n + index), at: n })))
    }
    const client = await clientOf(stack)
    const times = await timed(runs, async () => {
      const { matches } = await client.searchLog(job.deploymentId, job.jobId, wanted)
      if (matches !== lines / every) throw new Error(`${matches} of ${lines / every} matches were counted`)
    })
    return [{ id: 'log.search_100mb_ms', value: rounded(median(times)), unit: 'ms', runs }]
  } finally {
    await store.close()
  }
}
