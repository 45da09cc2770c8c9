import type { Executor } from '../../src/model/ports.ts'
import { startWaiting } from './container.ts'
import { type Figure, median, rounded } from './figures.ts'

const times = 20

/** From the order to the first byte of its output, in ms, in a container that waits. */
const firstByte = async (executor: Executor): Promise<number> => {
  const first = Promise.withResolvers<number>()
  const { tether, end } = await startWaiting(executor, 'start', {
    onOutput: () => first.resolve(performance.now()),
    onConnection: (connection) => connection.destroy(),
  })
  try {
    const ordered = performance.now()
    const exit = await tether.run({ argv: ['echo', 'hello'], env: { PATH: '/usr/local/bin:/usr/bin:/bin' }, cwd: '/work' })
    if (exit.code !== 0) throw new Error(`echo ended with ${exit.code}`)
    return (await first.promise) - ordered
  } finally {
    await end()
  }
}

/** `start.first_byte_warm_ms`: a trivial program in a container that waits at READY. */
export const startSuite = async ({ executor, runs }: { readonly executor: Executor; readonly runs: number }): Promise<Figure[]> => {
  const took: number[] = []
  for (let run = -1; run < runs * times; run++) {
    const one = await firstByte(executor)
    if (run >= 0) took.push(one)
  }
  return [{ id: 'start.first_byte_warm_ms', value: rounded(median(took)), unit: 'ms', runs: took.length }]
}
