import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { Duplex } from 'node:stream'
import { TelpherError } from '../model/errors.ts'
import type { Container, ContainerExit, Executor } from '../model/ports.ts'
import { type JobFolder, listJobFolders, makeJobFolder, removeJobFolder } from './jobFolder.ts'
import { killJob } from './jobProcesses.ts'
import { findProgram } from './programs.ts'
import { mustSpeakWith } from './shimSpeaks.ts'

export interface ProcessExecutorOptions {
  /** The static shim binary on this machine's disk. */
  readonly shimPath: string
  /** Folder of all jobs, absolute; made with mode 0700. Workers of one user may share it. */
  readonly root: string
  /** The name that stands for the programs of this machine, in place of an image; any other image is missing. */
  readonly image: string
  /** Where jobs find their programs: folders joined by colons. */
  readonly path: string
  /** Programs without which no job can run. */
  readonly programs: readonly string[]
}

/** What the shim gets to end itself and its job once its stream is gone, in ms. */
const graceMs = 2000

/**
 * Starts the shim as a child process, its standard input and output being the tether: for trials on one's own machine.
 * It gives NO isolation: the job has the network, the files and the rights of this user, and no limits of memory, processors or disk;
 * the way to the gate is a port on 127.0.0.1 that only its nonce guards. Linux only, as the shim is.
 * @throws nothing itself; its methods throw program_missing, image_missing, container_start, container_lost, cancelled
 */
export const processExecutor = (options: ProcessExecutorOptions): Executor => {
  const { shimPath, root, image, path, programs } = options
  const live = new Map<string, Container>()

  const start: Executor['start'] = async (spec, signal) => {
    if (signal?.aborted) throw cancelled(signal)
    if (spec.image !== image)
      throw new TelpherError('image_missing', `There is no image ${spec.image} here: this worker runs the programs of its own machine`, {
        field: 'image',
      })
    const folder = await makeJobFolder(root, spec.labels)
    try {
      if (signal?.aborted) throw cancelled(signal)
      // A process group of its own: Ctrl-C on the worker's terminal is the worker's to answer.
      const child = spawn(shimPath, ['-root', folder.work], {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: {},
        cwd: folder.work,
        detached: true,
      })
      await once(child, 'spawn').catch((cause: Error) => {
        throw new TelpherError('container_start', `The shim ${shimPath} did not start: ${cause.message}`, { cause })
      })
      const container = runningShim(folder, child, path)
      live.set(folder.id, container)
      const forget = (): void => void live.delete(folder.id)
      container.exited.then(forget, forget)
      if (!signal?.aborted) return container
      await container.kill()
      throw cancelled(signal)
    } catch (error) {
      await removeJobFolder(folder).catch(() => undefined)
      throw error
    }
  }

  return {
    probe: async () => {
      if (process.platform !== 'linux') throw new TelpherError('container_start', 'The process executor runs on Linux only')
      try {
        accessSync(shimPath, constants.X_OK)
      } catch (cause) {
        throw new TelpherError('container_start', `The shim cannot be run: ${shimPath || 'TELPHER_SHIM names none'}`, {
          cause,
          field: 'shimPath',
        })
      }
      await mustSpeakWith(shimPath)
      for (const program of programs) findProgram(program, path)
    },
    start,
    reap: async (labels, keep) => {
      const wanted = Object.entries(labels)
      // No label at all would name every job of this user.
      if (wanted.length === 0) throw new TelpherError('internal', 'reap needs at least one label')
      const found = (await listJobFolders(root)).filter(
        (one) => wanted.every(([name, value]) => one.labels[name] === value) && keep?.(one.labels) !== true,
      )
      await Promise.all(found.map(({ folder }) => live.get(folder.id)?.kill() ?? end(folder)))
      return found.length
    },
  }
}

const cancelled = (signal: AbortSignal): TelpherError =>
  new TelpherError('cancelled', 'The start of the job was cancelled', { cause: signal.reason })

/** Nothing of the job is left afterwards: processes first, since they could write new files. */
const end = async (folder: JobFolder): Promise<void> => {
  await killJob(folder.work)
  await removeJobFolder(folder)
}

const runningShim = (folder: JobFolder, child: ChildProcess, path: string): Container => {
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new TelpherError('container_start', 'The shim has no pipes')
  const stream = Duplex.from({ readable: stdout, writable: stdin })
  let killed = false
  const exited = once(child, 'exit').then(async ([code]): Promise<ContainerExit> => {
    await end(folder)
    return { code: killed ? 137 : (code as number | null), oomKilled: false }
  })
  // A caller that only reads the stream learns of the end there.
  exited.catch(() => undefined)
  stream.on('error', () => undefined)
  return {
    id: folder.id,
    place: { folder: folder.work, path },
    stream,
    exited,
    kill: async () => {
      killed = killed || (child.exitCode === null && child.signalCode === null)
      // Only the shim knows its job's process group; it ends both when its input ends.
      stream.destroy()
      stdin.destroy()
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited.finally(() => clearTimeout(timer))
    },
  }
}
