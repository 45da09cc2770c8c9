import { randomBytes } from 'node:crypto'
import type Docker from 'dockerode'
import { TelpherError } from '../model/errors.ts'
import { howToGet, type ImageFacts, imageFacts } from '../model/image.ts'
import type { Container, ContainerSpec, Executor } from '../model/ports.ts'
import { type AttachStream, attach } from './attachStream.ts'
import { dockerError, engineSentence, engineStatus, isUnreachable } from './dockerErrors.ts'
import { dockerSpec } from './dockerSpec.ts'
import { type Door, doorsIn, tetherOf } from './door.ts'
import { askFacts, connectEngine, inspectImage, inTime, pingEngine } from './engine.ts'
import { deviates, deviationOf, type EngineFacts } from './hardening.ts'
import { removeContainer, runningContainer } from './runningContainer.ts'
import { mustSpeakWith } from './shimSpeaks.ts'
import { shimVolume } from './shimVolume.ts'
import { startLimit } from './startLimit.ts'
import { turns } from './turns.ts'

export interface DockerExecutorOptions {
  /** The engine's socket, such as `/var/run/docker.sock`. */
  readonly socketPath: string
  /** The static shim binary on this machine's disk; every container starts with it. */
  readonly shimPath: string
  /** An OCI runtime known to the engine, such as `runsc`; none means the engine's default. */
  readonly runtime?: string
  /**
   * A folder of this worker's alone for sockets through which containers reach it; without one, and where the engine is on another
   * host, they do so by the engine's streams (docs/decisions/0002-a-socket-for-the-tether.md).
   */
  readonly doorFolder?: string
  /** Containers being started at the same time; 4 by default, where two cores are saturated. */
  readonly parallelStarts?: number
}

/**
 * Starts the shim in hardened containers of a Docker engine (20.10 or newer).
 * @throws nothing itself; its methods throw docker_unreachable, image_missing, image_differs, container_start, container_deviates, cancelled
 */
export const dockerExecutor = (options: DockerExecutorOptions): Executor => {
  const docker = connectEngine(options.socketPath)
  const volume = shimVolume(docker, options.shimPath)
  const turn = turns(options.parallelStarts ?? 4)
  let doors = options.doorFolder === undefined ? undefined : doorsIn(options.doorFolder)
  let facts: Promise<EngineFacts> | undefined

  const engineFacts = (): Promise<EngineFacts> => {
    facts ??= askFacts(docker, options.socketPath).catch((error: unknown) => {
      facts = undefined
      throw error
    })
    return facts
  }

  const startOnce = async (spec: ContainerSpec, door: Door | undefined, signal?: AbortSignal): Promise<Container> => {
    const asked = dockerSpec(spec, {
      shimVolume: await volume.ready(),
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
      ...(door === undefined ? {} : { door: door.path }),
    })
    const known = await engineFacts()
    signal?.throwIfAborted()
    const created = await docker
      .createContainer({ name: `telpher-${randomBytes(8).toString('hex')}`, ...asked })
      .catch((error: unknown) => {
        throw createError(error, spec.image)
      })
    let stream: AttachStream | undefined
    // Removing a container that is being started waits for the start inside the engine, then kills it.
    const abandon = () => void removeContainer(created).catch(() => undefined)
    signal?.addEventListener('abort', abandon, { once: true })
    try {
      signal?.throwIfAborted()
      const inspected = await created.inspect()
      mustBePinned(spec, inspected.Image)
      const deviation = deviationOf(inspected, asked, known)
      if (deviation !== undefined) throw deviates(deviation)
      stream = await attach(options.socketPath, created.id)
      signal?.throwIfAborted()
      await created.start()
      const tether = door === undefined ? stream : await tetherOf(stream, door)
      signal?.throwIfAborted()
      // The engine adds the image's labels to those of the container.
      return runningContainer(created, tether, options.socketPath, imageFacts(inspected.Image, inspected.Config.Labels))
    } catch (error) {
      stream?.destroy()
      const removed = removeContainer(created).catch(() => undefined)
      // An engine that is gone is not waited for: the removal goes on for some seconds, then it is the sweep's.
      if (!isUnreachable(error)) await removed
      throw signal?.aborted ? signal.reason : dockerError(error, 'start the container')
    } finally {
      signal?.removeEventListener('abort', abandon)
    }
  }

  const start = async (spec: ContainerSpec, signal?: AbortSignal): Promise<Container> => {
    // A full disk, or a folder that somebody removed: the engine's streams are always there.
    const door = await doors?.open().catch(() => undefined)
    try {
      return await startOnce(spec, door, signal)
    } catch (error) {
      if (doorIsNotThere(error)) doors = undefined
      else if (shimIsGone(error)) volume.missed()
      else throw error
      // Without a door it cannot happen again; and somebody removed the volume and its keeper, an engine makes an empty one in its place.
      return await startOnce(spec, undefined, signal)
    } finally {
      door?.close()
    }
  }

  return {
    probe: async () => {
      await engineFacts()
      await pingEngine(docker, options.socketPath)
      await mustSpeakWith(options.shimPath)
    },
    start: (spec, signal) =>
      turn(() => startLimit((either) => start(spec, either), signal), signal).catch((error: unknown) => {
        throw signal?.aborted && error === signal.reason ? cancelled(error) : error
      }),
    image: (name) => findImage(docker, name),
    reap: (labels, keep) => reap(docker, labels, keep),
  }
}

const findImage = async (docker: Docker, name: string): Promise<ImageFacts | undefined> => {
  try {
    const { Id, Config } = await inspectImage(docker, name)
    return imageFacts(Id, Config.Labels ?? {})
  } catch (error) {
    if (engineStatus(error) === 404) return undefined
    throw dockerError(error, 'look for the image')
  }
}

const reap = async (docker: Docker, labels: Readonly<Record<string, string>>, keep: Parameters<Executor['reap']>[1]): Promise<number> => {
  const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  // No label at all would name every container of the host.
  if (label.length === 0) throw new TelpherError('internal', 'reap needs at least one label')
  try {
    const found = await docker.listContainers({ all: true, filters: { label }, ...inTime() })
    const leftovers = found.filter((container) => keep?.(container.Labels) !== true)
    await Promise.all(leftovers.map(({ Id }) => removeContainer(docker.getContainer(Id))))
    return leftovers.length
  } catch (error) {
    throw dockerError(error, 'remove leftovers', 'container_lost')
  }
}

const createError = (error: unknown, image: string): TelpherError =>
  engineStatus(error) === 404 && /no such image/i.test(engineSentence(error))
    ? new TelpherError('image_missing', `The execution image ${image} is not on the host of this worker: ${howToGet(image)}`, {
        cause: error,
        field: 'image',
      })
    : dockerError(error, 'create the container')

const mustBePinned = ({ image, imageIds }: ContainerSpec, id: string): void => {
  if (imageIds === undefined || imageIds.includes(id)) return
  throw new TelpherError('image_differs', `The image ${image} on the host of this worker is ${id}; pinned is ${imageIds.join(' or ')}`, {
    field: 'image',
  })
}

const cancelled = (cause: unknown): TelpherError => new TelpherError('cancelled', 'The start of the container was cancelled', { cause })

// What the engine says to a mount of what its own host has not: it runs on another one, or this worker in a container.
const doorIsNotThere = (error: unknown): boolean =>
  error instanceof TelpherError && error.code === 'container_start' && /bind source path does not exist/i.test(error.message)

// What runc says when the entrypoint is not there; the image cannot be meant, since its own entrypoint is never used.
const shimIsGone = (error: unknown): boolean =>
  error instanceof TelpherError &&
  error.code === 'container_start' &&
  /\.telpher\/shim.*no such file|no such file.*\.telpher\/shim/s.test(error.message)
