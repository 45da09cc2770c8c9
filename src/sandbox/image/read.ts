import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { z } from 'zod'
import { TelpherError } from '../../model/errors.ts'

/** An image in an archive. */
export interface ArchivedImage {
  readonly tags: readonly string[]
  readonly arch: string
}

/** Manifest and configurations are small; layers are not looked at. */
const largestPart = 1024 * 1024
const mostParts = 500

const manifestSchema = z.array(z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullable() })).min(1)
const configSchema = z.object({ architecture: z.string() })

const smallParts = async (archive: Readable): Promise<Map<string, Buffer>> => {
  const parts = new Map<string, Buffer>()
  const reading = extract()
  const collected = (async (): Promise<void> => {
    for await (const entry of reading) {
      const { name, type = 'file', size = 0 } = entry.header
      if (type === 'file' && size <= largestPart && parts.size < mostParts) parts.set(name, await buffer(Readable.from(entry)))
      else entry.resume()
    }
  })()
  await Promise.all([pipeline(archive, reading), collected])
  return parts
}

/**
 * What images an archive in the format of `docker save` has.
 * @param name of the archive, for the error
 * @throws TelpherError usage when it is no such archive
 */
export const readArchive = async (archive: Readable, name: string): Promise<ArchivedImage[]> => {
  try {
    const parts = await smallParts(archive)
    const json = (part: string): unknown => JSON.parse(parts.get(part)?.toString('utf8') ?? '')
    return manifestSchema.parse(json('manifest.json')).map(({ Config, RepoTags }) => ({
      tags: RepoTags ?? [],
      arch: configSchema.parse(json(Config)).architecture,
    }))
  } catch (cause) {
    throw new TelpherError('usage', `${name} is no archive of images: give what telpher image build --save, or docker save, has written`, {
      field: 'file',
      cause,
    })
  }
}
