import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { scaleWorkers } from '../../src/sandbox/scaling.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { packPath } from '../../src/steps/package/pack.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded } from './figures.ts'

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/**
 * `scale.from_zero_vs_start`: from the request of a deployment, while its pool has no worker, to the start of its job, beside how long a worker takes
 * from its process to taking work.
 */
export const fromZeroSuite = async (stack: Stack, runs: number): Promise<Figure[]> => {
  const client = await clientOf(stack)
  for (const worker of stack.workers) await worker.stop()
  const isEmpty = (): Promise<boolean> =>
    eventually(async () => (await client.pools()).find(({ name }) => name === 'default')?.slots === 0, 60_000, 50)
  const folder = `${stack.dir}/bench/zero`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/map.yaml`, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"zero"}}\n')
  const { bytes, sha256 } = await packPath(folder)
  await client.uploadPackage(bytes, sha256)

  const starts: number[] = []
  const waits: number[] = []
  for (let run = 0; run < runs; run++) {
    await isEmpty()
    const name = `alone-${run}`
    let alone: ReturnType<Stack['addWorker']> | undefined
    starts.push(
      await seconds(async () => {
        alone = stack.addWorker(name)
        await eventually(async () => (await client.workers()).workers.some((one) => one.name === name), 60_000, 25)
      }),
    )
    await alone?.stop()
    await isEmpty()
    const stop = await scaleWorkers(stack, { min: 0, max: 1, coolDownSeconds: 1 })
    try {
      const { deployment } = await client.deploy(
        { steps: [{ kind: 'apply', name: 'zero', package: sha256 }], targets: ['bench'] },
        randomUUID(),
      )
      let begunAt = 0
      for await (const event of client.events(deployment.id, { signal: AbortSignal.timeout(120_000) })) {
        if (event.type === 'job' && event.to === 'preparing') begunAt = event.at
        if (event.type === 'deployment' && event.state === 'finished') {
          if (event.result !== 'success') throw new Error(`${deployment.id} ended as ${event.result}`)
          break
        }
      }
      waits.push((begunAt - deployment.createdAt) / 1000)
      await isEmpty()
    } finally {
      await stop()
    }
  }
  return [
    {
      id: 'scale.from_zero_vs_start',
      value: rounded(median(waits)),
      unit: 's',
      ratio: rounded(median(waits) / median(starts)),
      peer: { name: 'the start of a worker', value: rounded(median(starts)) },
      runs,
    },
    { id: 'scale.from_zero_added_s', value: rounded(median(waits.map((wait, at) => wait - (starts[at] ?? 0)))), unit: 's', runs },
  ]
}
