import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRequest } from '../../../src/gate/path.ts'
import { startOracle } from '../../soak/requestinfo/oracle.ts'
import { seededRandom } from '../../support/random.ts'
import { disagreement } from './agreement.ts'
import { requestMaker } from './requests.ts'

/** FUZZ_SECONDS makes it long, FUZZ_SEED runs a failure again. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 3)
const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32))

let oracle: Awaited<ReturnType<typeof startOracle>>
beforeAll(async () => {
  oracle = await startOracle()
})
afterAll(() => oracle.stop())

test(
  `sees in every request what kube-apiserver sees (seed ${seed})`,
  async () => {
    const make = requestMaker(seededRandom(seed))
    const end = performance.now() + seconds * 1000
    let [asked, accepted] = [0, 0]
    do {
      const batch = Array.from({ length: 2000 }, make)
      const answers = await oracle.ask(batch)
      const wrong = batch.map((one, at) => disagreement(one, answers[at] ?? {})).filter((text) => text !== undefined)
      expect(wrong.slice(0, 20)).toEqual([])
      asked += batch.length
      accepted += batch.filter(({ m, u }) => parseRequest(m, u).ok).length
    } while (performance.now() < end)
    if (seconds > 60) console.info(`${asked} requests`)
    expect(accepted).toBeGreaterThan(asked / 4)
  },
  seconds * 1000 + 60_000,
)
