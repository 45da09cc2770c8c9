import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readToken } from '../../src/client/endpoint.ts'
import { type Client, createClient } from '../../src/client/http.ts'
import { insist } from '../../src/client/insist.ts'
import { type Ended, runOf } from '../../src/client/run.ts'
import type { LogLine } from '../../src/model/deployment.ts'
import { errorTable } from '../../src/model/errors.ts'
import { isTerminal, type JobStatus } from '../../src/model/states.ts'
import { type ProcessOptions, startServerProcess } from '../../src/sandbox/processes.ts'
import { eventually } from '../support/eventually.ts'
import { type Ground, type Lane, type LaneKind, startLane } from './cut-lane.ts'
import { type CutPoint, canSucceed, cutPoints, pointText, type Stream, type Work } from './cut-points.ts'
import { bindClaim, clear, isThere, missingIn, type Piece, planPiece } from './cut-works.ts'
import { type Cutter, cuttable, type Direction } from './cuttable.ts'
import { type Probed, type ProbeReport, probeReportOf } from './probe-report.ts'

/** A deployment has ended this long after its beginning, in ms, or it is stuck. */
const patienceMs = 240_000
/** Among so many next bytes the cut comes, once a result is judged. */
const verifyingBytes = 600

export interface ProbeOptions extends Omit<Ground, 'server'> {
  readonly cuts: number
  readonly seed: number
  readonly lanes: readonly LaneKind[]
  readonly say: (text: string) => void
}

/** Cutters of what all lanes share. */
type Shared = Readonly<Record<'server-redis' | 'follower', Cutter>>

interface Scene {
  readonly options: ProbeOptions
  readonly lane: Lane
  /** Asks the server by a way that is never cut. */
  readonly direct: Client
  readonly following: Client
  readonly shared: Shared
}

let pieces = 0

const cutterOf = ({ lane, shared }: Scene, stream: Stream): Cutter => {
  const cutter = { ...lane.cutters, ...shared }[stream]
  if (cutter === undefined) throw new Error(`this lane has no ${stream}`)
  return cutter
}

const statusOf = async ({ direct }: Scene, id: string): Promise<JobStatus | undefined> =>
  (await insist(() => direct.deployment(id))).jobs[0]?.status

/** The state of its job at a time, in ms since the epoch; undefined when that had ended. */
const statusAt = async ({ direct }: Scene, id: string, at: number): Promise<JobStatus | undefined> => {
  const changes = (await insist(() => direct.history(id))).filter((event) => event.type === 'job' && event.at <= at)
  const last = changes.at(-1)
  const status = last?.type === 'job' ? last.to : 'pending'
  return isTerminal(status) ? undefined : status
}

/** Follows a log as a person would, over whatever cuts it. */
const followed = async (client: Client, id: string, jobId: string): Promise<LogLine[]> => {
  const lines: LogLine[] = []
  for await (const line of client.followLog(id, jobId, { signal: AbortSignal.timeout(patienceMs) })) lines.push(line)
  return lines
}

interface Undisturbed {
  readonly ended: Ended
  readonly piece: Piece
  readonly followedLines: readonly LogLine[]
}

/** Deploys a piece and follows it to its end. @param onBegun told of its id at once */
const deploy = async (scene: Scene, work: Work, onBegun: (id: string, piece: Piece) => Promise<void>): Promise<Undisturbed | string> => {
  const { lane, options, direct, following } = scene
  const piece: Piece = { work, place: lane.place, marker: `m${++pieces}` }
  const { step, bytes, sha256 } = await planPiece(piece, async (files) => {
    const folder = `${options.dir}/${piece.marker}`
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(`${folder}/${path}`), { recursive: true })
      await writeFile(`${folder}/${path}`, text)
    }
    return folder
  })
  const key = randomUUID()
  await insist(() => direct.uploadPackage(bytes, sha256))
  const { deployment, jobs } = await insist(() => direct.deploy({ steps: [step], targets: [lane.target] }, key))
  const begun = onBegun(deployment.id, piece)
  begun.catch(() => {})
  const lines = followed(following, deployment.id, jobs[0]?.jobId ?? '').catch(() => [])
  try {
    const ended = await runOf(direct, deployment.id).result({ timeoutMs: patienceMs })
    await begun
    return { ended, piece, followedLines: await lines }
  } catch (thrown) {
    return `${deployment.id} is ${await statusOf(scene, deployment.id)}: ${String(thrown)}`
  }
}

const wrongOf = async (scene: Scene, point: CutPoint, done: Undisturbed | string): Promise<Probed['wrong']> => {
  if (typeof done === 'string') return { kind: 'stuck', text: done }
  const { ended, piece, followedLines } = done
  const [job] = ended.jobs
  const said = `${ended.deployment.id} ended as ${ended.result}: ${job?.end?.code ?? ''} ${job?.end?.sentence ?? ''}`
  if (ended.result !== 'success') {
    const [, fault, passes] = errorTable[job?.end?.code ?? 'internal']
    const isOurs = fault !== 'user' && fault !== 'bug' && ended.result !== 'failure'
    // A cut is over when somebody tries again.
    const isBlamed = canSucceed[point.work] && !(isOurs && (passes || ended.result === 'timeout'))
    return isBlamed ? { kind: 'blamed', text: said } : undefined
  }
  if (!(await isThere(piece, scene.options.cluster))) return { kind: 'false_success', text: `${said}, and the cluster has it not` }
  const missing = missingIn(piece, await insist(() => scene.direct.log(ended.deployment.id, job?.jobId ?? '')))
  if (missing.length > 0)
    return { kind: 'false_success', text: `${said}, and its log lacks ${missing.length} lines, such as ${missing[0]}` }
  const unseen = missingIn(piece, followedLines)
  return unseen.length > 0 ? { kind: 'log', text: `${said}, and who followed its log did not see ${unseen.length} lines` } : undefined
}

/** One deployment with one cut. @param usual bytes that such a deployment has undisturbed, by stream */
const probe = async (scene: Scene, point: CutPoint, usual: Readonly<Record<Direction, number>>): Promise<Probed> => {
  const cutter = cutterOf(scene, point.stream)
  const { manner, direction, stallMs } = point
  let cutAt: number | undefined
  let disarm = (): void => {}
  const arm = (afterBytes: number): void => {
    disarm = cutter.arm({ manner, direction, stallMs, afterBytes: Math.floor(afterBytes) }, () => {
      cutAt = Date.now()
    })
  }
  const done = await deploy(scene, point.work, async (id, piece) => {
    if (point.when === 'bytes') arm(point.share * usual[direction])
    if (point.work !== 'claim' && point.work !== 'unbound') return
    await eventually(
      async () => !['pending', 'admitted', 'preparing', 'running'].includes((await statusOf(scene, id)) ?? ''),
      patienceMs,
      50,
    )
    if (point.when === 'verifying') arm(point.share * verifyingBytes)
    if (point.work === 'claim') await bindClaim(piece, scene.options.cluster)
  })
  disarm()
  const found = typeof done === 'string' || cutAt === undefined ? undefined : await statusAt(scene, done.ended.deployment.id, cutAt)
  const wrong = await wrongOf(scene, point, done)
  if (typeof done !== 'string') await clear(done.piece, scene.options.cluster)
  return { point, found, result: typeof done === 'string' ? 'unfinished' : done.ended.result, ...(wrong === undefined ? {} : { wrong }) }
}

type Bytes = Readonly<Partial<Record<Stream, Readonly<Record<Direction, number>>>>>

/** What a work sends where when nothing is cut, in bytes. @throws Error when it does not end as it must */
const measure = async (scene: Scene, work: Work): Promise<Bytes> => {
  const cutters = Object.entries({ ...scene.lane.cutters, ...scene.shared }) as [Stream, Cutter][]
  const before = cutters.map(([, { passed }]) => ({ ...passed }))
  const done = await deploy(scene, work, async (_, piece) => {
    if (work === 'claim') await bindClaim(piece, scene.options.cluster)
  })
  const result = typeof done === 'string' ? done : done.ended.result
  if ((result === 'success') !== canSucceed[work]) throw new Error(`${work} ended as ${result} without a cut: ${JSON.stringify(done)}`)
  if (typeof done !== 'string') await clear(done.piece, scene.options.cluster)
  return Object.fromEntries(
    cutters.map(([stream, { passed }], index) => [
      stream,
      { up: passed.up - (before[index]?.up ?? 0), down: passed.down - (before[index]?.down ?? 0) },
    ]),
  )
}

/** What works usually send, measured once for each kind of lane when the first one asks. */
const usualBytes = (): ((scene: Scene, kind: LaneKind, work: Work) => Promise<Bytes>) => {
  const measured = new Map<string, Promise<Bytes>>()
  return (scene, kind, work) => {
    // One that is never bound is like one that is, but for its deadline.
    const like = work === 'unbound' ? 'claim' : work
    const known = measured.get(`${kind} ${like}`) ?? measure(scene, like)
    measured.set(`${kind} ${like}`, known)
    return known
  }
}

/** Cuts one stream of one deployment after the other in each lane, until so many cuts have come. @returns every trouble with its point */
export const runProbe = async (options: ProbeOptions): Promise<{ report: ProbeReport; troubles: string[] }> => {
  const { dir, cuts, seed, lanes: kinds, say } = options
  const stops: (() => Promise<unknown>)[] = []
  try {
    const redisWay = await cuttable(options.redisPort)
    stops.push(() => redisWay.close())
    const processOptions: ProcessOptions = {
      dir: `${dir}/server`,
      redisUrl: `redis://127.0.0.1:${redisWay.port}`,
      dockerSocket: options.dockerSocket,
      shimPath: options.shimPath,
    }
    const server = await startServerProcess(processOptions)
    stops.push(() => server.stop(2000))
    const way = await cuttable(Number(new URL(server.url).port))
    stops.push(() => way.close())
    const ground: Ground = { ...options, server }
    const token = await readToken(server.tokenFile)
    const shared: Shared = { 'server-redis': redisWay.cutter, follower: way.cutter }
    const scenes: Scene[] = []
    for (const [index, kind] of kinds.entries()) {
      const lane = await startLane(ground, index, kind)
      stops.push(() => lane.stop())
      scenes.push({
        options,
        lane,
        direct: createClient(server.url, token),
        following: createClient(`http://127.0.0.1:${way.port}`, token),
        shared,
      })
    }
    const all: Probed[] = []
    const troubles: string[] = []
    let came = 0
    const usual = usualBytes()
    const work = async (scene: Scene, index: number): Promise<void> => {
      const has: Stream[] = [...(Object.keys(scene.lane.cutters) as Stream[]), 'server-redis', 'follower']
      for (const point of cutPoints(seed * 1000 + index, has)) {
        if (came >= cuts) return
        const bytes = await usual(scene, kinds[index] ?? 'process', point.work)
        const probed = await probe(scene, point, bytes[point.stream] ?? { up: 0, down: 0 })
        all.push(probed)
        if (probed.found !== undefined) came++
        if (probed.wrong !== undefined) {
          troubles.push(`${probed.wrong.kind}: ${pointText(point)}, cut while ${probed.found}: ${probed.wrong.text}`)
          say(`✗ ${troubles.at(-1)}`)
        }
        if (all.length % 100 === 0) say(JSON.stringify(probeReportOf(all)))
      }
    }
    await Promise.all(scenes.map(work))
    return { report: probeReportOf(all), troubles }
  } finally {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last().catch(() => {})
  }
}
