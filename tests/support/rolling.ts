import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { packLocal } from '../../src/client/pack.ts'
import { runOf } from '../../src/client/run.ts'
import type { Fleet } from './fleet.ts'
import { configMaps } from './running.ts'

/** Deployments that are under way at a time: fewer than the fleet has room for without one of its workers. */
const clients = 4
const endMs = 180_000

/** What a restart of everything cost. */
export interface Rolled {
  /** Deployments meanwhile, and those of them that did not succeed, as sentences. */
  readonly deployments: number
  readonly failed: readonly string[]
  /** Started a second time, because their worker handed them back. */
  readonly handedBack: number
  /** Seconds from SIGTERM to the end of each worker. */
  readonly drains: readonly number[]
  /** Seconds from the acceptance of a deployment to the start of its job: before, and while everything is restarted. */
  readonly waits: { readonly before: readonly number[]; readonly during: readonly number[] }
}

interface Done {
  readonly result: string
  readonly attempt: number
  readonly waitSeconds: number
  readonly sentence: string
}

const deployOne = async ({ ask, target }: Fleet, dir: string, name: string): Promise<Done> => {
  const folder = `${dir}/${name}`
  await mkdir(folder)
  for (const [path, text] of Object.entries(configMaps(20))) await writeFile(`${folder}/${path}`, text)
  const { step, bytes, sha256 } = await packLocal({ path: folder, name }, '/')
  const key = randomUUID()
  await ask((client) => client.uploadPackage(bytes, sha256))
  const { deployment } = await ask((client) => client.deploy({ steps: [step], targets: [target] }, key))
  const ended = await ask((client) => runOf(client, deployment.id).result({ timeoutMs: endMs }))
  const events = await ask((client) => client.history(deployment.id))
  const started = events.find((event) => event.type === 'job' && event.to === 'preparing')
  return {
    result: ended.result,
    attempt: ended.jobs[0]?.attempt ?? 0,
    waitSeconds: ((started?.at ?? Number.POSITIVE_INFINITY) - deployment.createdAt) / 1000,
    sentence: `${deployment.id} ended as ${ended.result}: ${ended.jobs[0]?.end?.sentence}`,
  }
}

/** The value that 95 % do not exceed. */
export const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN

/**
 * Deploys all the time, and restarts every worker and every server meanwhile, one after the other.
 * @param before how many deployments there are first, to see what is usual
 */
export const rollOver = async (fleet: Fleet, dir: string, before: number): Promise<Rolled> => {
  let begun = 0
  const load = async (goesOn: (done: number) => boolean): Promise<Done[]> => {
    const done: Done[] = []
    const client = async (): Promise<void> => {
      while (goesOn(done.length)) done.push(await deployOne(fleet, dir, `rolled-${++begun}`))
    }
    await Promise.all(Array.from({ length: clients }, client))
    return done
  }
  // The first ones find nothing warm.
  await load((done) => done < clients)
  const usual = await load((done) => done < before)
  let isRolling = true
  const deploying = load(() => isRolling)
  const drains: number[] = []
  try {
    for (let index = 0; index < fleet.workers; index++) drains.push(await fleet.restartWorker(index))
    for (let index = 0; index < fleet.servers; index++) await fleet.restartServer(index)
  } finally {
    isRolling = false
  }
  const rolled = await deploying
  return {
    deployments: rolled.length,
    failed: [...usual, ...rolled].filter(({ result }) => result !== 'success').map(({ sentence }) => sentence),
    handedBack: rolled.filter(({ attempt }) => attempt > 1).length,
    drains,
    waits: { before: usual.map((one) => one.waitSeconds), during: rolled.map((one) => one.waitSeconds) },
  }
}
