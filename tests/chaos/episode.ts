import { mkdir, open, stat, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Detail } from '../../src/client/http.ts'
import { type LocalStep, packLocal } from '../../src/client/pack.ts'
import { TelpherError } from '../../src/model/errors.ts'
import { newId } from '../../src/model/ids.ts'
import { allEnded } from '../support/all-ended.ts'
import { eventually } from '../support/eventually.ts'
import { carryOut } from './break.ts'
import { type Installation, targetOf } from './installation.ts'
import { type Fact, judge, type Verdict, type Write } from './judge.ts'
import type { Load, Plan } from './plan.ts'

/** Everything has ended this long after the last mend, in ms, or it is stuck. */
const patienceMs = 150_000
const mapCount = 30

const map = (name: string, marker: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { marker } })

const app = (marker: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'app', annotations: { marker } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'app' } },
    template: {
      metadata: { labels: { app: 'app' }, annotations: { marker } },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    },
  },
})

/** What is deployed, as files. */
const filesOf = (load: Load, marker: string): Readonly<Record<string, string>> => {
  const text = (...objects: object[]): string => objects.map((object) => JSON.stringify(object)).join('\n---\n')
  switch (load) {
    case 'maps':
      return { 'maps.yaml': text(...Array.from({ length: mapCount }, (_, n) => map(`map-${n}`, marker))) }
    case 'app':
      return { 'app.yaml': text(app(marker)) }
    case 'release':
      return {
        'Chart.yaml': 'apiVersion: v2\nname: release\nversion: 1.0.0\n',
        'templates/map.yaml': text(...[0, 1, 2].map((n) => map(`release-${n}`, marker))),
      }
    case 'broken':
      return { 'broken.yaml': text({ ...map('broken', marker), dta: {} }) }
  }
}

const stepOf = (load: Load, path: string): LocalStep => ({
  path,
  name: load,
  deadlineSeconds: 120,
  retries: { max: 5, backoffSeconds: 1 },
  ...(load === 'release' ? { helm: { release: 'release' } } : {}),
})

/** Uploads and starts, however often the servers have to be asked. @returns the deployment's id */
const begin = async ({ ask }: Installation, lane: number, load: Load, path: string): Promise<string> => {
  const { step, bytes, sha256 } = await packLocal(stepOf(load, path), '/')
  const key = newId('req')
  await ask((client) => client.uploadPackage(bytes, sha256))
  // A server that died with the request in hand leaves its key in flight for a while.
  for (const end = performance.now() + patienceMs; ; await pause(200)) {
    try {
      return (await ask((client) => client.deploy({ steps: [step], targets: [targetOf(lane)] }, key))).deployment.id
    } catch (thrown) {
      const isInFlight = thrown instanceof TelpherError && thrown.code === 'idempotency_in_flight'
      if (!isInFlight || performance.now() > end) throw thrown
    }
  }
}

const isThere = async ({ cluster }: Installation, lane: number, load: Load, marker: string): Promise<boolean> => {
  // Another lane may have killed the API server, and one that has just started refuses everything.
  const get = (path: string): Promise<{ data?: Record<string, string>; metadata?: { annotations?: Record<string, string> } }> =>
    eventually(async () => {
      const { status, body } = await cluster.api('GET', path)
      return (status === 200 || status === 404) && JSON.parse(body)
    }, 60_000)
  const namespace = targetOf(lane)
  const core = `/api/v1/namespaces/${namespace}/configmaps`
  const hasMarker = async (name: string): Promise<boolean> => (await get(`${core}/${name}`)).data?.['marker'] === marker
  const all = async (names: readonly string[]): Promise<boolean> => (await Promise.all(names.map(hasMarker))).every(Boolean)
  switch (load) {
    case 'maps':
      return all(Array.from({ length: mapCount }, (_, n) => `map-${n}`))
    case 'release':
      return all(['release-0', 'release-1', 'release-2'])
    case 'app':
      return (await get(`/apis/apps/v1/namespaces/${namespace}/deployments/app`)).metadata?.annotations?.['marker'] === marker
    case 'broken':
      return false
  }
}

/** Where the API server's audit log ends now. */
const auditEnd = async (file: string): Promise<number> => (await stat(file)).size

/** What it says of some jobs since a place in it. */
const writesSince = async (file: string, from: number, jobIds: ReadonlySet<string>): Promise<Write[]> => {
  const log = await open(file)
  try {
    const { size } = await log.stat()
    const buffer = Buffer.alloc(Math.max(0, size - from))
    await log.read(buffer, 0, buffer.length, from)
    return buffer
      .toString('utf8')
      .split('\n')
      .flatMap((line): Write[] => {
        const [, jobId = '', attempt = ''] = /telpher\/(job_\w+)\/(\d+)/.exec(line) ?? []
        if (!jobIds.has(jobId)) return []
        const { stageTimestamp, responseStatus } = JSON.parse(line) as { stageTimestamp: string; responseStatus?: { code?: number } }
        // What was refused changed nothing.
        return (responseStatus?.code ?? 200) < 300 ? [{ jobId, attempt: Number(attempt), at: Date.parse(stageTimestamp) }] : []
      })
  } finally {
    await log.close()
  }
}

const detailOf = ({ ask }: Installation, id: string): Promise<Detail | undefined> =>
  ask((client) => client.deployment(id)).catch((thrown: unknown) => {
    if (thrown instanceof TelpherError && thrown.code === 'unknown_deployment') return undefined
    throw thrown
  })

export interface Outcome {
  readonly verdict: Verdict
  readonly facts: readonly Fact[]
  /** Seconds from its last mend to the end of its last deployment; 0 when all had ended before. */
  readonly recoverySeconds: number
}

/**
 * One run: deploys, breaks, mends, and waits for every end.
 * @param lane whose target it uses; other runs may go on beside it in other lanes
 */
export const runEpisode = async (installation: Installation, plan: Plan, dir: string, lane: number): Promise<Outcome> => {
  const { cluster, asking } = installation
  const marker = `run-${plan.seed}-${Date.now()}`
  const auditFrom = await auditEnd(cluster.auditLog)
  const began = performance.now()
  const until = (atMs: number): Promise<unknown> => pause(Math.max(0, atMs - (performance.now() - began)))
  const started = plan.load.map(async ({ load, atMs }) => {
    const folder = `${dir}/${marker}/${load}`
    for (const [path, text] of Object.entries(filesOf(load, marker))) {
      await mkdir(`${folder}/${path.split('/').slice(0, -1).join('/')}`, { recursive: true })
      await writeFile(`${folder}/${path}`, text)
    }
    await until(atMs)
    return { load, id: await asking.inside(() => begin(installation, lane, load, folder)) }
  })
  const broken = plan.faults.map(async ({ atMs, fault }) => {
    await until(atMs)
    await carryOut(installation, fault)
  })
  const [deployments, mendedAt] = await allEnded([allEnded(started), allEnded(broken).then(() => Date.now())])
  const facts: Fact[] = []
  const deadline = performance.now() + patienceMs
  for (const { load, id } of deployments) {
    let detail = await detailOf(installation, id)
    for (; detail !== undefined && detail.deployment.state !== 'finished' && performance.now() < deadline; await pause(100))
      detail = await detailOf(installation, id)
    facts.push({
      load,
      ...(detail === undefined ? {} : { result: detail.deployment.result ?? 'unfinished', endedAt: detail.deployment.endedAt }),
      jobs: detail?.jobs ?? [],
      isThere: await isThere(installation, lane, load, marker),
    })
  }
  const jobIds = new Set(facts.flatMap(({ jobs }) => jobs.map(({ jobId }) => jobId)))
  const lastEnd = Math.max(...facts.map(({ endedAt = mendedAt }) => endedAt))
  return {
    verdict: judge(facts, await writesSince(cluster.auditLog, auditFrom, jobIds)),
    facts,
    recoverySeconds: Math.max(0, lastEnd - mendedAt) / 1000,
  }
}
