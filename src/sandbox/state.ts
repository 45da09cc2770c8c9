import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import { restoreTunables, saveTunables } from './kernel.ts'
import { withLock } from './lock.ts'
import { cacheDir } from './paths.ts'
import { bootId, identify, isAlive } from './procfs.ts'
import { sweep } from './sweep.ts'

/** A folder that one process of ours uses, and everything on the machine that bears its id. */
export interface State {
  /** Eight hex digits of the folder's path: part of the name of each device, cgroup and namespace that is made for it. */
  readonly id: string
  readonly dir: string
  /** Folder for sockets: short, since their paths may have 107 bytes at most. */
  readonly runDir: string
  /** Kills and removes whatever still bears the id, then gives the folder up. Its data stay unless it is temporary. */
  release(): void
}

const entrySchema = z.object({
  dir: z.string(),
  temporary: z.boolean(),
  owner: z.object({ pid: z.number(), startTime: z.string(), boot: z.string() }),
})
type Entry = z.infer<typeof entrySchema>

const registry = (): string => `${cacheDir()}/states`
const fileOf = (id: string): string => `${registry()}/${id}.json`

const tunablesFile = (): string => `${registry()}/kernel.saved`

/** To be called before a kubelet is started: the last state to be released puts the kernel's settings back. */
export const keepKernelSettings = (): Promise<void> => withLock(`${registry()}/lock`, async () => saveTunables(tunablesFile()))

const read = (id: string): Entry | undefined => {
  try {
    return entrySchema.parse(JSON.parse(readFileSync(fileOf(id), 'utf8')))
  } catch {
    return undefined
  }
}

const ownerLives = ({ owner }: Entry): boolean => owner.boot === bootId() && isAlive(owner)

/** The id of a state folder. */
export const stateId = (dir: string): string => createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 8)

const runDirOf = (dir: string, id: string): string => (dir.length <= 40 ? `${dir}/run` : `/tmp/telpher-${id}`)

const discard = (id: string, dir: string, temporary: boolean): void => {
  sweep(id, [dir, runDirOf(dir, id)])
  for (const folder of [runDirOf(dir, id), ...(temporary ? [dir] : [])]) rmSync(folder, { recursive: true, force: true })
  rmSync(fileOf(id), { force: true })
  if (!readdirSync(registry()).some((file) => file.endsWith('.json'))) restoreTunables(tunablesFile())
}

const sweepDead = (): void => {
  if (!existsSync(registry())) return
  for (const file of readdirSync(registry())) {
    const id = file.replace(/\.json$/, '')
    const entry = file.endsWith('.json') ? read(id) : undefined
    if (entry === undefined || ownerLives(entry)) continue
    discard(id, entry.dir, entry.temporary)
  }
}

/** States of this process, for the net below. */
const mine = new Map<string, { readonly dir: string; readonly temporary: boolean }>()

/**
 * Claims a state folder for this process. Before that, whatever dead owners left behind is removed, theirs of other folders included:
 * processes, cgroups with their containers, mounts, network devices.
 * @param options.temporary the folder itself is removed too, when it is released or its owner was killed
 * @returns undefined when a living process uses the folder
 */
export const tryClaimState = async (folder: string, options: { readonly temporary?: boolean } = {}): Promise<State | undefined> => {
  const dir = resolve(folder)
  const id = stateId(dir)
  return withLock(`${registry()}/lock`, async () => {
    sweepDead()
    if (read(id) !== undefined) return undefined
    const self = identify(process.pid)
    const entry = { dir, temporary: options.temporary ?? false, owner: { ...self, boot: bootId() } }
    writeFileSync(fileOf(id), JSON.stringify(entry))
    const runDir = runDirOf(dir, id)
    for (const made of [dir, runDir]) mkdirSync(made, { recursive: true, mode: 0o700 })
    mine.set(id, { dir, temporary: entry.temporary })
    installNet()
    return {
      id,
      dir,
      runDir,
      release: () => {
        mine.delete(id)
        discard(id, dir, entry.temporary)
      },
    }
  })
}

/**
 * As tryClaimState.
 * @throws TelpherError usage when a living process uses the folder
 */
export const claimState = async (dir: string, options: { readonly temporary?: boolean } = {}): Promise<State> => {
  const state = await tryClaimState(dir, options)
  if (state !== undefined) return state
  const pid = read(stateId(dir))?.owner.pid
  throw new TelpherError('usage', `the folder ${resolve(dir)} is in use by process ${pid}: end it first, or name another folder`)
}

/**
 * Removes a state folder with everything in and around it.
 * @throws TelpherError usage when a living process uses it or a folder below it
 */
export const cleanState = async (folder: string): Promise<void> => {
  const dir = resolve(folder)
  await withLock(`${registry()}/lock`, async () => {
    sweepDead()
    for (const file of existsSync(registry()) ? readdirSync(registry()) : []) {
      const entry = read(file.replace(/\.json$/, ''))
      if (entry !== undefined && `${entry.dir}/`.startsWith(`${dir}/`)) {
        throw new TelpherError('usage', `the folder ${entry.dir} is in use by process ${entry.owner.pid}: end it first`)
      }
    }
    rmSync(dir, { recursive: true, force: true })
  })
}

const discardMine = (): void => {
  for (const [id, { dir, temporary }] of mine) discard(id, dir, temporary)
  mine.clear()
}

let netInstalled = false

/** A process that ends without stopping its parts, or by a signal that nobody else handles, still leaves nothing running. */
const installNet = (): void => {
  if (netInstalled) return
  netInstalled = true
  process.on('exit', discardMine)
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number)
    })
  }
}
