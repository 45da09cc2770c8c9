import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type Docker from 'dockerode'
import { TelpherError } from '../model/errors.ts'
import { within } from '../model/within.ts'
import { dockerError, engineStatus } from './dockerErrors.ts'
import { shimFolder, shimProgram } from './dockerSpec.ts'
import { shimImage } from './shimImage.ts'

const label = 'telpher.shim'

/** Milliseconds that the filling may take, waiting for another worker that is at it included. */
const patience = 60_000

export interface ShimVolume {
  /** Makes sure that the volume is there and whole. @returns its name */
  ready(): Promise<string>
  /** Says that the shim was not found in it: the next `ready()` looks again. */
  missed(): void
}

/**
 * The named volume with the shim of this worker's version, filled once per engine and shared by all workers.
 *
 * A created, never started container of an image with nothing but the shim is its keeper: the engine copies the image's folder into the
 * fresh volume while it creates the keeper, and the keeper's fixed name makes it the lock between workers. The engine answers for the keeper's
 * name only after the copy, so a keeper that is there means a volume that is whole; it also keeps `docker volume prune` away.
 * The archive endpoints, the other way in, are not used (threat T5).
 * @param shimPath the static shim binary on this machine
 */
export const shimVolume = (docker: Docker, shimPath: string): ShimVolume => {
  let filled: Promise<string> | undefined
  return {
    ready: () => {
      filled ??= inTime(fill(docker, shimPath)).catch((error: unknown) => {
        filled = undefined
        throw error
      })
      return filled
    },
    missed: () => {
      filled = undefined
    },
  }
}

// An engine that hangs must not be asked by the same promise for ever.
const inTime = (filling: Promise<string>): Promise<string> =>
  within(
    filling,
    patience,
    new TelpherError('docker_unreachable', `The Docker engine did not fill the volume of the shim within ${patience / 1000} s`),
  )

const fill = async (docker: Docker, shimPath: string): Promise<string> => {
  const shim = await readFile(shimPath).catch((cause: unknown) => {
    throw new TelpherError('container_start', `The shim binary cannot be read: ${shimPath}`, { cause, field: 'shimPath' })
  })
  const hash = createHash('sha256').update(shim).digest('hex').slice(0, 16)
  const name = `telpher-shim-${hash}`
  const made = new Set<string>()
  try {
    for (const end = performance.now() + patience; performance.now() < end; ) {
      const keeper = await keeperOf(docker, name)
      if (keeper !== undefined) {
        made.delete(keeper.image)
        for (const image of made) await docker.getImage(image).remove().catch(ignoring(404, 409))
        return name
      }
      // What an engine killed during the copy left is not empty, so it would never be filled again. In use: another worker is at it.
      await docker.getVolume(name).remove().catch(ignoring(404, 409))
      const image = await shimImage(docker, hash, shim)
      if (image.made) made.add(image.id)
      await makeKeeper(docker, name, hash, image.id)
    }
    throw new TelpherError('container_start', `Another worker did not finish the volume ${name}`)
  } catch (error) {
    throw dockerError(error, 'fill the volume of the shim')
  }
}

const keeperOf = async (docker: Docker, name: string): Promise<{ image: string } | undefined> => {
  try {
    const { Mounts, State, Image } = await docker.getContainer(name).inspect()
    if (State.Status === 'created' && Mounts.some((mount) => mount.Name === name)) return { image: Image }
    await docker.getContainer(name).remove({ force: true })
  } catch (error) {
    if (engineStatus(error) !== 404) throw error
  }
  return undefined
}

const makeKeeper = async (docker: Docker, name: string, hash: string, image: string): Promise<void> => {
  try {
    await docker.createContainer({
      name,
      Image: image,
      Entrypoint: [shimProgram],
      Labels: { [label]: hash },
      HostConfig: {
        NetworkMode: 'none',
        ReadonlyRootfs: true,
        LogConfig: { Type: 'none', Config: {} },
        Mounts: [{ Type: 'volume', Source: name, Target: shimFolder }],
      },
    })
  } catch (error) {
    // 409: another worker holds the name; its copy takes a moment, then its keeper is found. 404: another worker took the image away as one too many.
    ignoring(404, 409)(error)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const ignoring =
  (...statuses: readonly number[]) =>
  (error: unknown): void => {
    if (!statuses.includes(engineStatus(error) ?? 0)) throw error
  }
