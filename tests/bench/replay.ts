import { readFileSync } from 'node:fs'
import { defaultScaling } from '../../src/model/pool.ts'
import type { ScaleState } from '../../src/model/scale.ts'
import { cooled, wantedOf } from '../../src/scaler/formula.ts'
import { seededRandom } from '../support/random.ts'
import { type Figure, rounded } from './figures.ts'

/** A job of a trace, in seconds. */
interface Arrival {
  readonly at: number
  readonly length: number
}

/** Lengths of real jobs, in s. They are stretched: those of a bench are shorter than what people deploy. */
const recorded: readonly number[] = (
  JSON.parse(readFileSync(new URL('job-lengths.json', import.meta.url), 'utf8')) as { lengths: number[] }
).lengths.map((ms) => (ms / 1000) * 10)

/** From when a worker is asked for until it takes work, in s. */
const startSeconds = 15
const most = 60

const lengths = (seed: number): (() => number) => {
  const random = seededRandom(seed)
  return () => recorded[Math.floor(random() * recorded.length)] ?? 1
}

/** The loads that scalers are compared on. */
const traces: Readonly<Record<string, (next: () => number, random: () => number) => Arrival[]>> = {
  burst: (next) => Array.from({ length: 500 }, () => ({ at: 60, length: next() })),
  sawtooth: (next) =>
    Array.from({ length: 6 }, (_, tooth) =>
      Array.from({ length: 80 }, (__, n) => ({ at: tooth * 600 + n * (4 - n / 25), length: next() })),
    ).flat(),
  // One job of twenty is twenty times as long.
  tail: (next, random) =>
    Array.from({ length: 400 }, () => ({ at: random() * 3600, length: next() * (random() < 0.05 ? 20 : 1) })).sort((a, b) => a.at - b.at),
}

interface Worker {
  /** When it takes work. */
  readonly readyAt: number
  /** Until when it is at work; undefined when it is idle. */
  busyUntil?: number | undefined
}

interface Seen {
  readonly now: number
  /** Jobs without a worker. */
  readonly waiting: number
  readonly busy: number
  readonly starting: number
  readonly workers: number
}

/** A rule of scaling: how often it looks, and how many workers it wants then. */
interface Rule {
  readonly everySeconds: number
  /** Each worker is ended after one job. */
  readonly single?: true
  /** Whom it ends when there are too many: idle ones, or anybody. */
  readonly ends: 'idle' | 'anybody'
  create(): (seen: Seen) => number
}

interface Outcome {
  readonly waitP95: number
  readonly idleSeconds: number
  readonly killed: number
}

/** Plays a trace second by second. */
const play = (trace: readonly Arrival[], rule: Rule): Outcome => {
  const want = rule.create()
  const queue: Arrival[] = []
  let workers: Worker[] = []
  const waits: number[] = []
  let idleSeconds = 0
  let killed = 0
  let next = 0
  for (let now = 0; next < trace.length || queue.length > 0 || workers.some(({ busyUntil }) => busyUntil !== undefined); now++) {
    for (; (trace[next]?.at ?? Number.POSITIVE_INFINITY) <= now; next++) queue.push(trace[next] as Arrival)
    const isDone = ({ busyUntil }: Worker): boolean => busyUntil !== undefined && busyUntil <= now
    if (rule.single) workers = workers.filter((worker) => !isDone(worker))
    for (const worker of workers) if (isDone(worker)) worker.busyUntil = undefined
    for (const worker of workers) {
      if (worker.busyUntil !== undefined || worker.readyAt > now) continue
      const job = queue.shift()
      if (job === undefined) break
      waits.push(now - job.at)
      worker.busyUntil = now + job.length
    }
    const busy = workers.filter(({ busyUntil }) => busyUntil !== undefined).length
    idleSeconds += workers.length - busy
    if (now % rule.everySeconds !== 0) continue
    const starting = workers.filter(({ readyAt }) => readyAt > now).length
    const wanted = Math.min(most, want({ now, waiting: queue.length, busy, starting, workers: workers.length }))
    while (workers.length < wanted) workers.push({ readyAt: now + startSeconds })
    while (workers.length > wanted && rule.single !== true) {
      const victim = rule.ends === 'idle' ? workers.findIndex(({ busyUntil }) => busyUntil === undefined) : 0
      if (victim === -1) break
      const [ended] = workers.splice(victim, 1)
      if (ended?.busyUntil === undefined) continue
      killed++
      // What it was at has to be done anew.
      queue.unshift({ at: now, length: ended.busyUntil - now })
    }
  }
  const sorted = waits.sort((a, b) => a - b)
  return { waitP95: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0, idleSeconds, killed }
}

/** Ours: every 2 s, and only idle workers go. */
const ours = (coolDownSeconds: number, idle: number): Rule => ({
  everySeconds: 2,
  ends: 'idle',
  create: () => {
    let state: ScaleState | undefined
    const scaling = { ...defaultScaling, max: most, idle, coolDownSeconds }
    return ({ now, waiting, busy, workers }) => {
      const wanted = wantedOf({ scaling }, { waiting, running: busy, busy, workers, concurrency: 1 }, now * 1000)
      state = cooled(state, wanted?.wanted ?? 0, coolDownSeconds, now * 1000)
      return state.desired
    }
  },
})

/**
 * KEDA's rules. ScaledObject: the length of the queue alone, looked at every 15 s by the autoscaler, which lets go what was too much for 5
 * minutes, whoever it is. ScaledJob every 30 s, one job a pod: `default` makes what waits less what runs, `accurate` what waits less what
 * starts, `eager` fills up (keda.sh/docs: ScaledJob specification, scalingStrategy; pollingInterval 30, cooldownPeriod 300).
 */
const keda: Readonly<Record<string, Rule>> = {
  'ScaledObject, queue length 1': {
    everySeconds: 15,
    ends: 'anybody',
    create: () => {
      const seen: { at: number; wanted: number }[] = []
      return ({ now, waiting }) => {
        seen.push({ at: now, wanted: waiting })
        return Math.max(...seen.filter(({ at }) => at > now - 300).map(({ wanted }) => wanted))
      }
    },
  },
  'ScaledJob, default': {
    everySeconds: 30,
    single: true,
    ends: 'idle',
    create: () => (seen) => seen.workers + Math.max(0, seen.waiting + seen.busy - seen.workers),
  },
  'ScaledJob, accurate': {
    everySeconds: 30,
    single: true,
    ends: 'idle',
    create: () => (seen) => seen.workers + Math.max(0, seen.waiting - seen.starting),
  },
  'ScaledJob, eager': {
    everySeconds: 30,
    single: true,
    ends: 'idle',
    create: () => (seen) => (seen.waiting === 0 ? seen.workers : Math.min(most, seen.workers + seen.waiting)),
  },
}

/** Settings of ours, the cheapest first; compared is the one that costs no more idle time than the peer. */
const settings: readonly Rule[] = [0, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600].flatMap((cool) =>
  [0, 1, 2, 4].map((idle) => ours(cool, idle)),
)

/**
 * How scalers of KEDA and ours do on the same loads. For each peer and load, of our settings that leave workers idle for no longer than the
 * peer does, the one with the shortest waits is compared.
 */
export const replaySuite = (seed = 1): Figure[] => {
  const figures: Figure[] = []
  let busyKilled = 0
  for (const [name, make] of Object.entries(traces)) {
    const trace = make(lengths(seed), seededRandom(seed + 1))
    const played = settings.map((rule) => play(trace, rule))
    busyKilled += played.reduce((sum, { killed }) => sum + killed, 0)
    for (const [peer, rule] of Object.entries(keda)) {
      const theirs = play(trace, rule)
      const fair = played.filter(({ idleSeconds }) => idleSeconds <= theirs.idleSeconds)
      const best = fair.toSorted((a, b) => a.waitP95 - b.waitP95)[0]
      const named = `${peer}${theirs.killed === 0 ? '' : ` (ended ${theirs.killed} busy workers)`}`
      if (best === undefined) {
        // None of ours is as cheap: then what the same waits cost, and no shorter ones.
        const cheapest = played.filter(({ waitP95 }) => waitP95 <= theirs.waitP95).toSorted((x, y) => x.idleSeconds - y.idleSeconds)[0]
        const idle = cheapest?.idleSeconds ?? Number.POSITIVE_INFINITY
        const value = rounded(theirs.idleSeconds)
        figures.push({
          id: `scale.${name}.idle_vs_keda`,
          value: rounded(idle),
          unit: 'worker-seconds idle',
          ratio: rounded(idle / theirs.idleSeconds),
          peer: { name: `${named}, whose p95 of waits is ${rounded(theirs.waitP95)} s`, value },
          runs: 1,
        })
        continue
      }
      figures.push({
        id: `scale.${name}.wait_p95_vs_keda`,
        value: rounded(best.waitP95),
        unit: 's',
        ratio: rounded(best.waitP95 / Math.max(1, theirs.waitP95)),
        peer: { name: named, value: rounded(theirs.waitP95) },
        runs: 1,
      })
    }
  }
  const ratios = figures.flatMap(({ id, ratio }) => (id.includes('wait') && ratio !== undefined ? [ratio] : []))
  return [
    ...figures,
    { id: 'scale.wait_p95_vs_keda', value: rounded(Math.max(...ratios)), unit: 'worst ratio of waits at no more idle time', runs: 1 },
    { id: 'scale.busy_killed', value: busyKilled, unit: 'workers', runs: 1 },
  ]
}
