import { randomBytes } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { TelpherError } from '../model/errors.ts'

type Labels = Readonly<Record<string, string>>

/** A job's own folder on the worker's machine, with the labels by which it is found again. */
export interface JobFolder {
  readonly id: string
  readonly path: string
  /** The job's working directory, inside. */
  readonly work: string
}

/** One that is being made for longer, in ms, was left by a worker that died over it. */
const makingMs = 600_000
const labelFile = 'labels.json'

const folderOf = (root: string, id: string): JobFolder => ({ id, path: join(root, id), work: join(root, id, 'work') })

/** The folder of all jobs: this user's alone, and no link to somewhere else. */
const ensureRoot = async (root: string): Promise<void> => {
  if (!isAbsolute(root)) throw new TelpherError('internal', `the folder of jobs is not absolute: ${root}`)
  await mkdir(root, { recursive: true, mode: 0o700 })
  const found = await lstat(root)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0)
    throw new TelpherError('container_start', `${root} must be this user's alone (mode 0700): jobs run in it`, { field: root })
}

/**
 * Makes the folder of a job: with its labels or not at all, since what has no labels could never be swept.
 * @param root absolute path of the folder of all jobs
 * @throws TelpherError container_start when somebody else may write there, or the disk refuses
 */
export const makeJobFolder = async (root: string, labels: Labels): Promise<JobFolder> => {
  const folder = folderOf(root, `job-${randomBytes(8).toString('hex')}`)
  try {
    await ensureRoot(root)
    const made = await mkdtemp(join(root, '.new-'))
    await mkdir(join(made, 'work'), { mode: 0o700 })
    await writeFile(join(made, labelFile), JSON.stringify(labels), { mode: 0o600 })
    await rename(made, folder.path)
    return folder
  } catch (cause) {
    if (cause instanceof TelpherError) throw cause
    throw new TelpherError('container_start', `no folder for the job can be made in ${root}: ${(cause as Error).message}`, { cause })
  }
}

/** @throws TelpherError container_lost when something in it cannot be removed */
export const removeJobFolder = async (folder: JobFolder): Promise<void> => {
  await rm(folder.path, { recursive: true, force: true, maxRetries: 5 }).catch((cause: unknown) => {
    throw new TelpherError('container_lost', `${folder.path} cannot be removed: ${(cause as Error).message}`, { cause })
  })
}

const readLabels = async (folder: JobFolder): Promise<Labels | undefined> => {
  try {
    return JSON.parse(await readFile(join(folder.path, labelFile), 'utf8')) as Labels
  } catch {
    return undefined
  }
}

/** The jobs whose folders are there, whoever made them; what was left half made is removed on the way. */
export const listJobFolders = async (root: string): Promise<readonly { readonly folder: JobFolder; readonly labels: Labels }[]> => {
  const names = await readdir(root).catch(() => [])
  for (const name of names.filter((one) => one.startsWith('.new-'))) {
    const made = await stat(join(root, name)).catch(() => undefined)
    if (made !== undefined && Date.now() - made.mtimeMs > makingMs) await rm(join(root, name), { recursive: true, force: true })
  }
  const folders = names.filter((name) => name.startsWith('job-')).map((name) => folderOf(root, name))
  const read = await Promise.all(folders.map(async (folder) => ({ folder, labels: await readLabels(folder) })))
  return read.flatMap(({ folder, labels }) => (labels === undefined ? [] : [{ folder, labels }]))
}
