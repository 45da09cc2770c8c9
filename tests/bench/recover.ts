import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { packLocal } from '../../src/client/pack.ts'
import type { Job } from '../../src/model/deployment.ts'
import { isTerminal } from '../../src/model/states.ts'
import { ensureDocker } from '../../src/sandbox/docker.ts'
import { type Installation, startInstallation, targetOf } from '../chaos/installation.ts'
import { workerCount } from '../chaos/plan.ts'
import { allEnded } from '../support/all-ended.ts'
import { eventually } from '../support/eventually.ts'
import { configMaps } from '../support/running.ts'
import { type Figure, median, rounded } from './figures.ts'

const outageMs = 30_000

const startJob = async ({ ask }: Installation, dir: string, maps: number): Promise<string> => {
  const file = join(dir, `maps-${maps}.yaml`)
  writeFileSync(file, configMaps(maps)['maps.yaml'] ?? '')
  const { step, bytes, sha256 } = await packLocal({ path: file, name: 'maps' }, '/')
  await ask((client) => client.uploadPackage(bytes, sha256))
  return (await ask((client) => client.deploy({ steps: [step], targets: [targetOf(0)] }, randomUUID()))).deployment.id
}

const jobWhen = ({ ask }: Installation, id: string, is: (job: Job) => boolean): Promise<Job> =>
  eventually(
    async () => {
      const [job] = (await ask((client) => client.deployment(id))).jobs
      if (job !== undefined && isTerminal(job.status) && !is(job)) throw new Error(`the job ended as ${job.status}: ${job.end?.sentence}`)
      return job !== undefined && is(job) && job
    },
    180_000,
    25,
  )

/** Seconds from kill -9 of the worker that holds a job to the next attempt's program. */
const killHolder = async (installation: Installation, dir: string): Promise<number> => {
  const id = await startJob(installation, dir, 400)
  const { worker } = await jobWhen(installation, id, ({ status }) => status === 'running')
  const { workers } = await installation.ask((client) => client.workers())
  const name = workers.find((one) => one.id === worker)?.name
  const index = Array.from({ length: workerCount }, (_, n) => n).find((n) => name === `worker-${n}`) ?? 0
  installation.worker(index).kill('SIGKILL')
  const killed = performance.now()
  await jobWhen(installation, id, ({ status, attempt }) => attempt === 2 && status === 'running')
  const seconds = (performance.now() - killed) / 1000
  installation.startWorker(index)
  await jobWhen(installation, id, ({ status }) => status === 'succeeded')
  return seconds
}

const killHolders = async (installation: Installation, dir: string, runs: number): Promise<number[]> => {
  const seconds: number[] = []
  for (let run = 0; run < runs; run++) seconds.push(await killHolder(installation, dir))
  return seconds
}

const peerWorker = (port: number, role: 'add' | 'holder' | 'heir'): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL('./bullmq-worker.ts', import.meta.url)), String(port), role], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

const began = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.stdout?.once('data', resolve))

/** The same of a job in a queue of BullMQ with its defaults: a lock of 30 s, looked at every 30 s. */
const killPeer = async (port: number): Promise<number> => {
  const holder = peerWorker(port, 'holder')
  const heldAt = began(holder)
  await new Promise((resolve) => peerWorker(port, 'add').once('exit', resolve))
  await heldAt
  const heir = peerWorker(port, 'heir')
  const taken = began(heir)
  // Wherever its next look falls.
  await pause(Math.random() * 10_000)
  holder.kill('SIGKILL')
  const killed = performance.now()
  await taken
  heir.kill('SIGKILL')
  return (performance.now() - killed) / 1000
}

const secondsOf = async (installation: Installation, id: string): Promise<number> => {
  await jobWhen(installation, id, ({ status }) => status === 'succeeded')
  const { deployment } = await installation.ask((client) => client.deployment(id))
  return ((deployment.endedAt ?? Date.now()) - deployment.createdAt) / 1000
}

/** Seconds that an outage of Redis of 30 s adds to a deployment in its middle. */
const outage = async (installation: Installation, dir: string): Promise<number> => {
  const alone = await secondsOf(installation, await startJob(installation, dir, 400))
  const id = await startJob(installation, dir, 400)
  await jobWhen(installation, id, ({ status }) => status === 'running')
  await installation.redis.kill('SIGSTOP')
  await pause(outageMs)
  await installation.redis.kill('SIGCONT')
  return (await secondsOf(installation, id)) - alone
}

/** What a dead worker and a Redis that is away cost. */
export const recoverSuite = async (runs: number): Promise<Figure[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'telpher-recover-'))
  const docker = await ensureDocker()
  const installation = await startInstallation(dir, docker)
  try {
    const peers = Array.from({ length: runs }, () => killPeer(installation.ways[0]?.port ?? 0))
    const [theirs, ours] = await allEnded([allEnded(peers), killHolders(installation, dir, runs)])
    const added: number[] = []
    for (let run = 0; run < Math.min(runs, 3); run++) added.push(await outage(installation, dir))
    const peer = (value: number) => ({ name: 'BullMQ with its defaults', value: rounded(value) })
    return [
      {
        id: 'recover.kill9_p50_s',
        value: rounded(median(ours)),
        unit: 's',
        ratio: rounded(median(ours) / median(theirs)),
        peer: peer(median(theirs)),
        runs,
      },
      {
        id: 'recover.kill9_max_s',
        value: rounded(Math.max(...ours)),
        unit: 's',
        ratio: rounded(Math.max(...ours) / Math.max(...theirs)),
        peer: peer(Math.max(...theirs)),
        runs,
      },
      { id: 'recover.redis_30s_added_s', value: rounded(median(added)), unit: 's', runs: added.length },
    ]
  } finally {
    await installation.stop()
    await docker.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
