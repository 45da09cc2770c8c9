import { buffer } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { pack } from 'tar-stream'
import { engineStatus } from './dockerErrors.ts'
import { shimFolder, shimProgram } from './dockerSpec.ts'
import { inspectImage } from './engine.ts'

const repository = 'telpher/shim'

/** The label that says which shim an image holds, by which it is found when another import took its tag. */
export const shimLabel = 'telpher.shim'

export interface ShimImage {
  readonly id: string
  /** Whether this call made it; two workers that do so at the same time make two. */
  readonly made: boolean
}

/**
 * The image with nothing but the shim, imported when the engine has none.
 * @param hash names the version, and with it the tag
 * @throws what the engine answers
 */
export const shimImage = async (docker: Docker, hash: string, shim: Buffer): Promise<ShimImage> => {
  try {
    return { id: (await inspectImage(docker, `${repository}:${hash}`)).Id, made: false }
  } catch (error) {
    if (engineStatus(error) !== 404) throw error
  }
  const tar = pack()
  tar.entry({ name: `${shimFolder.slice(1)}/`, type: 'directory', mode: 0o755 })
  tar.entry({ name: shimProgram.slice(1), mode: 0o555 }, shim)
  tar.finalize()
  // Whole, not as a stream: the parts of a tar stream whose reader fails throw where nobody can catch them.
  const bytes = await buffer(tar as unknown as NodeJS.ReadableStream)
  const answer = await docker.importImage(bytes as unknown as NodeJS.ReadableStream, {
    repo: repository,
    tag: hash,
    changes: `LABEL ${shimLabel}=${hash}`,
  })
  return { id: await importedId(answer), made: true }
}

// The library calls a stream of progress records a success even when its last record is an error.
const importedId = async (answer: NodeJS.ReadableStream): Promise<string> => {
  let text = ''
  for await (const part of answer) text += part.toString()
  const records = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as { error?: string; status?: string })
  const failed = records.find(({ error }) => error !== undefined)
  if (failed !== undefined) throw new Error(failed.error)
  const id = records.findLast(({ status }) => status?.startsWith('sha256:'))?.status
  if (id === undefined) throw new Error('the engine did not name the image that it imported')
  return id
}
