import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
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
  /** One of its own: it is killed, too. */
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

/** Runs on one installation, one after the other. @returns what they came to, and every trouble with the seed that repeats it */
export const runChaos = async ({ runs, seed, docker, say, signal }: RunsOptions): Promise<{ report: Report; troubles: string[] }> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-chaos-'))
  say('starting two servers, four workers, Redis and a control plane')
  const installation = await startInstallation(dir, docker)
  const verdicts: Verdict[] = []
  const recoveries: number[] = []
  const found: string[] = []
  let auditFrom = 0
  try {
    for (let run = 0; run < runs && signal?.aborted !== true; run++) {
      const plan = drawPlan(seed + run)
      const { verdict, facts, recoverySeconds, auditEnd } = await runEpisode(installation, plan, dir, auditFrom)
      auditFrom = auditEnd
      verdicts.push(verdict)
      recoveries.push(recoverySeconds)
      const its = troubles(verdict).map((text) => `seed ${plan.seed}: ${text}`)
      found.push(...its)
      const ends = facts.map(endText).join(', ')
      say(`${run + 1}/${runs} seed ${plan.seed}: ${planText(plan)}: ${ends}; ${recoverySeconds.toFixed(1)} s`)
      for (const text of its) say(`  ✗ ${text} (repeat it with: npm run chaos -- --runs 1 --seed ${plan.seed})`)
    }
    let orphans = await orphansOf(installation)
    for (const end = performance.now() + sweptMs; orphans.length > 0 && performance.now() < end; await pause(1000))
      orphans = await orphansOf(installation)
    found.push(...orphans.map((text) => `orphan: ${text}`))
    return { report: reportOf(verdicts, orphans.length, recoveries), troubles: found }
  } finally {
    await installation.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
