import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { readToken } from '../../src/client/endpoint.ts'
import type { Client, Detail } from '../../src/client/http.ts'
import { packLocal } from '../../src/client/pack.ts'
import { runOf } from '../../src/client/run.ts'
import { isTerminal } from '../../src/model/states.ts'
import type { E2e } from './e2e-stack.ts'
import { eventually } from './eventually.ts'
import { manyChart } from './many-chart.ts'
import { seededRandom } from './random.ts'
import { configMaps } from './running.ts'

const kinds = ['apply', 'install', 'upgrade', 'behind', 'unready'] as const
const clients = ['cli', 'api', 'library'] as const

/** What is cancelled, by whom, how and when. */
export interface CancelPoint {
  /** `behind`: it waits for the lock of another deployment. `unready`: a chart whose Deployment never becomes ready. */
  readonly kind: (typeof kinds)[number]
  readonly client: (typeof clients)[number]
  readonly force: boolean
  /**
   * `working`: once helm's revision is pending, kubectl has written, or the unready one is judged. `ended`: once it has ended. `time`:
   * after a share of the time that an undisturbed deployment takes, wherever it is then.
   */
  readonly when: 'working' | 'ended' | 'time'
  readonly share: number
}

const whenOf = (chance: number): CancelPoint['when'] => (chance < 0.5 ? 'working' : chance < 0.6 ? 'ended' : 'time')

export const cancelPoints = (seed: number, count: number): CancelPoint[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => ({
    kind: kinds[index % kinds.length] ?? 'apply',
    client: clients[index % clients.length] ?? 'cli',
    force: random() < 0.5,
    // A time alone hits little: how long a deployment takes depends on what else the machine does.
    // The first of each kind is sure to be at work.
    when: index < kinds.length ? 'working' : whenOf(random()),
    share: random(),
  }))
}

/** What became of one point. */
export interface Cancelled {
  readonly point: CancelPoint
  readonly detail: Detail
  /** The state of its job when the cancel was sent, and of its Helm release where it had one. */
  readonly found: string
  /** What is not as it must be; absent when all is well. */
  readonly wrong?: string
}

export interface CancelScene {
  readonly e2e: E2e
  readonly client: Client
  readonly namespace: string
  readonly target: string
}

/** Not ready where there is no node. */
const unreadyChart = (version: number): Readonly<Record<string, string>> => ({
  'Chart.yaml': `apiVersion: v2\nname: unready\nversion: 0.0.${version}\n`,
  'templates/web.yaml': JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: '{{ .Release.Name }}' },
    spec: {
      selector: { matchLabels: { app: '{{ .Release.Name }}' } },
      template: {
        metadata: { labels: { app: '{{ .Release.Name }}' } },
        spec: { containers: [{ name: 'web', image: 'example.test/web:1' }] },
      },
    },
  }),
})

type Files = 'apply' | 'helm' | 'unready'

const filesOf = (kind: Files, version: number): Readonly<Record<string, string>> => {
  if (kind === 'unready') return unreadyChart(version)
  return kind === 'apply' ? configMaps(60) : manyChart(version, 100)
}

const begin = async ({ e2e, client, namespace, target }: CancelScene, kind: Files, name: string, version: number): Promise<string> => {
  const path = await e2e.folder(filesOf(kind, version))
  const helm = kind === 'apply' ? {} : { helm: { release: name } }
  const { step, bytes, sha256 } = await packLocal({ path, name, namespace, ...helm }, '/')
  await client.uploadPackage(bytes, sha256)
  return (await client.deploy({ steps: [step], targets: [target] }, randomUUID())).deployment.id
}

const endOf = (client: Client, id: string): Promise<Detail> =>
  eventually(
    async () => {
      const detail = await client.deployment(id)
      return detail.deployment.state === 'finished' && detail
    },
    120_000,
    50,
  )

/** How long deployments take from their submission to their end, in ms. */
export const usualTimes = async (scene: CancelScene): Promise<Record<'apply' | 'helm', number>> => {
  const timeOf = async (kind: 'apply' | 'helm'): Promise<number> => {
    const { deployment } = await endOf(scene.client, await begin(scene, kind, `usual-${kind}`, 1))
    if (deployment.result !== 'success') throw new Error(`${deployment.id} ended as ${deployment.result}`)
    return (deployment.endedAt ?? 0) - deployment.createdAt
  }
  return { apply: await timeOf('apply'), helm: await timeOf('helm') }
}

const ask = async ({ e2e, client }: CancelScene, id: string, point: CancelPoint): Promise<void> => {
  if (point.client === 'cli') {
    const ran = await e2e.cli('cancel', id, ...(point.force ? ['--force'] : []))
    if (ran.code !== 0) throw new Error(ran.stderr)
  } else if (point.client === 'library') await runOf(client, id).cancel({ force: point.force })
  else {
    const token = await readToken(e2e.stack.server.tokenFile)
    const headers = { authorization: `Bearer ${token.reveal()}` }
    const answer = await fetch(`${e2e.stack.server.url}/v1/deployments/${id}/cancel?force=${point.force}`, { method: 'POST', headers })
    if (answer.status !== 202) throw new Error(await answer.text())
  }
}

/** A job that was asked to end ends as cancelled, whatever its program said; one that had ended stays what it was. */
const wrongOf = ({ deployment, jobs: [job] }: Detail): string | undefined => {
  const expected = job?.cancelRequested === true ? 'cancellation' : 'success'
  return deployment.result === expected ? undefined : `${deployment.id} is ${deployment.result}, not ${expected}: ${job?.end?.sentence}`
}

const releaseStatus = async ({ e2e, namespace }: CancelScene, release: string): Promise<string | undefined> => {
  const { body } = await e2e.cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=owner%3Dhelm,name%3D${release}`)
  const { items } = JSON.parse(body) as { items: { metadata: { labels: Record<string, string> } }[] }
  const newest = items.toSorted((a, b) => Number(b.metadata.labels['version']) - Number(a.metadata.labels['version']))[0]
  return newest?.metadata.labels['status']
}

/** Waits for the point, or for the end of the job where that comes before. */
const reach = async (scene: CancelScene, { kind, when, share }: CancelPoint, name: string, id: string, usualMs: number): Promise<void> => {
  if (when === 'time' || (when === 'ended' && kind === 'unready')) return pause(share * usualMs)
  const isThere = async (): Promise<boolean> => {
    const job = (await scene.client.deployment(id)).jobs[0]
    if (isTerminal(job?.status ?? 'pending')) return true
    if (when === 'ended') return false
    if (kind === 'unready') return job?.status === 'verifying'
    if (kind === 'apply') return job?.status === 'running'
    if (kind === 'behind') return job?.status === 'pending' && job.waitsFor !== undefined
    return job?.status === 'running' && (await releaseStatus(scene, name))?.startsWith('pending-') === true
  }
  await eventually(isThere, 120_000, 5)
}

/** Starts one deployment and cancels it at its point. */
export const cancelAt = async (
  scene: CancelScene,
  point: CancelPoint,
  name: string,
  usualMs: Readonly<Record<'apply' | 'helm', number>>,
): Promise<Cancelled> => {
  const { client } = scene
  const kind = point.kind === 'apply' || point.kind === 'unready' ? point.kind : 'helm'
  if (point.kind === 'upgrade') await endOf(client, await begin(scene, kind, name, 1))
  const ahead = point.kind === 'behind' ? await begin(scene, kind, name, 1) : undefined
  const id = await begin(scene, kind, name, 2)
  await reach(scene, point, name, id, usualMs[kind === 'apply' ? 'apply' : 'helm'])
  const status = (await client.deployment(id)).jobs[0]?.status ?? ''
  const release = kind === 'apply' ? undefined : await releaseStatus(scene, name)
  await ask(scene, id, point)
  const detail = await endOf(client, id)
  const before = ahead === undefined ? undefined : await endOf(client, ahead)
  const harmed =
    before === undefined || before.deployment.result === 'success'
      ? undefined
      : `the one ahead is ${before.deployment.result}: ${before.jobs[0]?.end?.code} ${before.jobs[0]?.end?.sentence}`
  // It had been written by helm as a good one, and nothing of it was ready.
  const looksGood = kind === 'unready' && (await releaseStatus(scene, name)) === 'deployed' ? `${name} is recorded as deployed` : undefined
  const wrong = wrongOf(detail) ?? harmed ?? looksGood
  return { point, detail, found: release === undefined ? status : `${status}, ${release}`, ...(wrong === undefined ? {} : { wrong }) }
}
