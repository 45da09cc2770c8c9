import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { defaultImage, type ExecImage, findImage } from '../model/image.ts'
import { connectDocker } from './dockerEngine.ts'
import { imageArchive, type PreparedImage, prepareImage } from './image/archive.ts'
import { busyboxPath } from './image/busybox.ts'
import { loadArchive, removeNameless } from './image/load.ts'
import { imageRecipe, programsOf } from './image/recipe.ts'
import { type Architecture, architecture } from './paths.ts'
import { programKey } from './setup/versions.ts'

/** The execution image of the sandbox: kubectl 1.34 and helm 4. */
export const execImage: string = defaultImage

/** A change of how images are put together, which their inputs do not show. */
const recipeVersion = 2

const certificates = '/etc/ssl/certs/ca-certificates.crt'

/** What an image is made of, in short: cheap to work out, while its id needs everything to be read. */
const inputsOf = async (image: ExecImage, arch: Architecture, busybox: string): Promise<string> => {
  const hash = createHash('sha256').update(`${recipeVersion} ${programsOf(image, arch).map(programKey).join(' ')} ${arch}`)
  for (const file of [busybox, certificates]) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

/** Label that tells which inputs an image was made of. */
const inputsLabel = 'telpher.inputs'

/**
 * Puts an execution image together from programs that are installed; some seconds, most of them reading.
 * @param busybox path of a static busybox for the architecture; the distribution's when absent
 * @throws Error when a program that goes into it is missing; TelpherError usage when busybox or the CA bundle is
 */
export const makeImage = async (image: ExecImage, arch: Architecture, busybox?: string): Promise<PreparedImage> => {
  const box = busybox ?? (await busyboxPath(arch))
  return prepareImage(await imageRecipe(image, arch, box, { [inputsLabel]: await inputsOf(image, arch, box) }))
}

/**
 * Makes sure that the engine has the default execution image of this checkout; some 5 s when it has not. The other images are
 * built when somebody asks for them: telpher image build.
 * @throws Error when a tool that goes into it is missing (the set-up has not run) or the engine does not take it
 */
export const ensureExecImage = async (socketPath: string): Promise<void> => {
  const docker = connectDocker(socketPath)
  const image = findImage(defaultImage)
  if (image === undefined) throw new Error('the default image is none of ours')
  const inputs = await inputsOf(image, architecture(), await busyboxPath(architecture()))
  const has = await docker.listImages({ filters: { reference: [defaultImage], label: [`${inputsLabel}=${inputs}`] } })
  if (has.length > 0) return
  await loadArchive(docker, Readable.from(imageArchive([await makeImage(image, architecture())])))
  await removeNameless(docker, inputsLabel)
}
