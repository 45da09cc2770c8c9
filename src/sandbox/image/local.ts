import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type Docker from 'dockerode'
import { TelpherError } from '../../model/errors.ts'
import { type ImageFacts, imageFacts, imageLabels } from '../../model/image.ts'
import { connectDocker } from '../dockerEngine.ts'
import { imageArchive, type PreparedImage } from './archive.ts'
import { loadArchive } from './load.ts'
import { readArchive } from './read.ts'

/** An image that an engine has. */
export interface LocalImage extends ImageFacts {
  readonly image: string
  readonly arch: string
  /** Bytes on disk, layers that it shares among them. */
  readonly size: number
}

/** Execution images of one engine. */
export interface LocalImages {
  /** Every image that says by its labels what tools it has. */
  list(): Promise<LocalImage[]>
  /** @returns undefined when the engine has no image of that name */
  find(image: string): Promise<LocalImage | undefined>
  load(images: readonly PreparedImage[]): Promise<void>
  /**
   * Loads an archive that `docker save` or `telpher image build --save` wrote, packed by gzip or not.
   * @throws TelpherError usage when it is none, or is for another architecture
   */
  loadFile(file: string): Promise<LocalImage[]>
}

const statusOf = (thrown: unknown): unknown => (thrown as { statusCode?: unknown } | undefined)?.statusCode

const isPacked = async (file: string): Promise<boolean> => {
  const handle = await open(file)
  try {
    const { buffer } = await handle.read({ buffer: Buffer.alloc(2), length: 2 })
    return buffer.readUInt16BE() === 0x1f8b
  } finally {
    await handle.close()
  }
}

/** The bytes of an archive, unpacked. @throws TelpherError usage when the file cannot be read */
const archiveOf = async (file: string): Promise<Readable> => {
  const packed = await isPacked(file).catch((cause: unknown) => {
    throw new TelpherError('usage', `${file} cannot be read: ${(cause as Error).message}`, { field: 'file', cause })
  })
  const bytes = createReadStream(file)
  if (!packed) return bytes
  const unpacked = createGunzip()
  bytes.once('error', (error) => unpacked.destroy(error))
  return bytes.pipe(unpacked)
}

const factsOf = async (docker: Docker, image: string): Promise<LocalImage> => {
  const { Id, Architecture, Size, Config } = await docker.getImage(image).inspect()
  return { image, ...imageFacts(Id, Config.Labels ?? {}), arch: Architecture, size: Size }
}

/**
 * Execution images of the engine behind a socket.
 * @throws nothing itself; its methods throw TelpherError docker_unreachable when nobody answers there
 */
export const localImages = (socketPath: string): LocalImages => {
  const docker = connectDocker(socketPath)
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (thrown) {
      if (thrown instanceof TelpherError || statusOf(thrown) !== undefined) throw thrown
      const code = (thrown as { code?: string }).code
      if (code === undefined) throw thrown
      throw new TelpherError('docker_unreachable', `the Docker engine at ${socketPath} does not answer (${code})`, { cause: thrown })
    }
  }
  const find = async (image: string): Promise<LocalImage | undefined> => {
    try {
      return await factsOf(docker, image)
    } catch (thrown) {
      if (statusOf(thrown) === 404) return undefined
      throw thrown
    }
  }
  return {
    list: () =>
      asked(async () => {
        const found = await docker.listImages({ filters: { label: [imageLabels.kubectl] } })
        const tags = found.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => !tag.startsWith('<none>'))
        return (await Promise.all(tags.map(find))).filter((image) => image !== undefined)
      }),
    find: (image) => asked(() => find(image)),
    load: (images) =>
      asked(async () => {
        await loadArchive(docker, Readable.from(imageArchive(images)))
      }),
    loadFile: (file) =>
      asked(async () => {
        const inside = await readArchive(await archiveOf(file), file)
        const { Arch } = (await docker.version()) as { Arch: string }
        const foreign = inside.find(({ arch }) => arch !== Arch)
        if (foreign !== undefined)
          throw new TelpherError('usage', `${file} has ${foreign.tags.join(', ')} for ${foreign.arch}, and this engine runs ${Arch}`, {
            field: 'file',
          })
        await loadArchive(docker, await archiveOf(file))
        return Promise.all(inside.flatMap(({ tags }) => tags).map((tag) => factsOf(docker, tag)))
      }),
  }
}
