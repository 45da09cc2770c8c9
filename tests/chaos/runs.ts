import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { allEnded } from '../support/all-ended.ts'
import { crashesIn } from '../support/crashes.ts'
import { runEpisode } from './episode.ts'
import { type Engine, orphansOf, startInstallation } from './installation.ts'
import { type Fact, type Report, reportOf, type Verdict } from './judge.ts'
import { drawPlan, planText } from './plan.ts'

/** What is left behind is swept within a minute; so long it is waited for, in ms. */
const sweptMs = 150_000

interface RunsOptions {
  readonly runs: number
  /** Of the first run; each further one has the next number. */
  readonly seed: number
  /** Runs beside one another on the one installation: their faults meet. */
  readonly lanes?: number
  /** One of its own, of startEngine: it is killed, and its disk filled. */
  readonly docker: Engine
  readonly say: (text: string) => void
  readonly signal?: AbortSignal
}

const troubles = ({ lost, doubled, falseSuccess, stuck }: Verdict): string[] => [
  ...lost.map((text) => `lost: ${text}`),
  ...doubled.map((text) => `doubled: ${text}`),
  ...falseSuccess.map((text) => `false success: ${text}`),
  ...stuck.map((text) => `stuck: ${text}`),
]

/** How a deployment ended, with what is worth a look. */
const endText = ({ load, result, jobs: [job] }: Fact): string => {
  const { attempt = 1, end } = job ?? {}
  const isOdd = load !== 'broken' && result !== 'success'
  return `${load} ${result}${attempt > 1 ? ` (attempt ${attempt})` : ''}${isOdd ? ` (${end?.code}: ${end?.sentence})` : ''}`
}

/** Runs on one installation, in lanes. @returns what they came to, and every trouble with the seed that repeats it */
export const runChaos = async (options: RunsOptions): Promise<{ report: Report; troubles: string[] }> => {
  const { runs, seed, lanes = 1, docker, say, signal } = options
  const dir = await mkdtemp(join(tmpdir(), 'tel-chaos-'))
  say('starting two servers, four workers, Redis and a control plane')
  const installation = await startInstallation(dir, docker, lanes)
  const verdicts: Verdict[] = []
  const recoveries: number[] = []
  const found: string[] = []
  let begun = 0
  const inLane = async (lane: number): Promise<void> => {
    while (begun < runs && signal?.aborted !== true) {
      const plan = drawPlan(seed + begun++)
      const { verdict, facts, recoverySeconds } = await runEpisode(installation, plan, dir, lane)
      verdicts.push(verdict)
      recoveries.push(recoverySeconds)
      const its = troubles(verdict).map((text) => `seed ${plan.seed}: ${text}`)
      found.push(...its)
      const ends = facts.map(endText).join(', ')
      say(`${verdicts.length}/${runs} seed ${plan.seed}: ${planText(plan)}: ${ends}; ${recoverySeconds.toFixed(1)} s`)
      const repeat = `npm run chaos -- --runs 1 --seed ${plan.seed}`
      const beside = lanes === 1 ? '' : `; with what went on beside it: npm run chaos -- --runs ${runs} --seed ${seed} --lanes ${lanes}`
      for (const text of its) say(`  ✗ ${text} (repeat it with: ${repeat}${beside})`)
    }
  }
  try {
    const ending = (thrown: unknown): never => {
      begun = runs
      throw thrown
    }
    await allEnded(Array.from({ length: lanes }, (_, lane) => inLane(lane).catch(ending)))
    let orphans = await orphansOf(installation)
    for (const end = performance.now() + sweptMs; orphans.length > 0 && performance.now() < end; await pause(1000))
      orphans = await orphansOf(installation)
    found.push(...orphans.map((text) => `orphan: ${text}`), ...(await crashesIn(dir)).map((text) => `crash: ${text}`))
    return { report: reportOf(verdicts, orphans.length, recoveries), troubles: found }
  } finally {
    await installation.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
