import type { Readable } from 'node:stream'
import type Docker from 'dockerode'

/**
 * Hands an archive of images to the engine.
 * @returns the names of the images that it took
 * @throws Error with the engine's message: it answers 200 and says only in the stream that it failed
 */
export const loadArchive = async (docker: Docker, archive: Readable): Promise<string[]> => {
  const answer = (await docker.loadImage(archive, { quiet: true })) as AsyncIterable<Buffer>
  let text = ''
  for await (const part of answer) text += String(part)
  const names: string[] = []
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const { error, stream = '' } = JSON.parse(line) as { error?: string; stream?: string }
    if (error !== undefined) throw new Error(`the engine does not take the images: ${error}`)
    const loaded = /^Loaded image(?: ID)?: (\S+)/.exec(stream)?.[1]
    if (loaded !== undefined) names.push(loaded)
  }
  return names
}

/** A new image takes the name of the one before it, which would stay as 130 MB that nobody finds. */
export const removeNameless = async (docker: Docker, label: string): Promise<void> => {
  const nameless = await docker.listImages({ filters: { dangling: ['true'], label: [label] } })
  // One that a container still runs on is met again after the next build.
  for (const { Id } of nameless)
    await docker
      .getImage(Id)
      .remove()
      .catch(() => undefined)
}
