import { createWriteStream, existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { TelpherError } from '../../model/errors.ts'
import { type ExecImage, execImages, findImage, shortImageId } from '../../model/image.ts'
import type { PreparedImage } from '../../sandbox/image/archive.ts'
import { type Architecture, architecture } from '../../sandbox/paths.ts'
import { staged } from '../../sandbox/progress.ts'
import type { Cli, Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print, table } from '../output.ts'
import { type EngineFlags, socketOf } from './engine.ts'

interface BuildFlags extends EngineFlags {
  readonly all?: boolean
  readonly arch?: Architecture
  readonly save?: string
  readonly busybox?: string
}

/** Milliseconds that a program takes where it must be compiled, on two cores. */
const compileMs = 90_000
const assembleMs = 3000

const wanted = (names: readonly string[], all: boolean): readonly ExecImage[] => {
  if (all && names.length > 0) throw new TelpherError('usage', 'name images or give --all, not both', { field: '--all' })
  if (all) return execImages
  if (names.length === 0) return [execImages[0]]
  return names.map((name) => {
    const found = findImage(name)
    if (found === undefined) throw new TelpherError('usage', `there is no image ${name}: see telpher image list`, { field: 'names' })
    return found
  })
}

const make = async (cli: Cli, image: ExecImage, arch: Architecture, busybox: string | undefined): Promise<PreparedImage> => {
  const { stderr } = cli
  const [{ makeImage }, { programsOf }, { installProgram, programPath }, { programKey }, { goCommand }, { progressView }] =
    await Promise.all([
      import('../../sandbox/execImage.ts'),
      import('../../sandbox/image/recipe.ts'),
      import('../../sandbox/setup/binaries.ts'),
      import('../../sandbox/setup/versions.ts'),
      import('../../sandbox/setup/go.ts'),
      import('../../sandbox/progressView.ts'),
    ])
  const onProgress = progressView({ isTTY: stderr.isTTY, columns: stderr.columns(), write: (text) => stderr.write(text) })
  for (const program of programsOf(image, arch).filter((one) => !existsSync(programPath(one))))
    await staged(onProgress, programKey(program), compileMs, () => installProgram(program, goCommand))
  return staged(onProgress, `image ${image.name}`, assembleMs, () => makeImage(image, arch, busybox))
}

/** Whole or not at all: a half archive must not look like one. */
const save = async (images: readonly PreparedImage[], file: string): Promise<void> => {
  const { imageArchive } = await import('../../sandbox/image/archive.ts')
  try {
    await pipeline(Readable.from(imageArchive(images)), createWriteStream(`${file}.part`))
    await rename(`${file}.part`, file)
  } catch (cause) {
    await rm(`${file}.part`, { force: true })
    throw new TelpherError('usage', `${file} cannot be written: ${(cause as Error).message}`, { field: '--save', cause })
  }
}

/** `telpher image build [NAME…]`: gets the programs, puts the images together, and loads them here or writes them to a file. */
export const runImageBuild: Command<BuildFlags> = async (cli, names, flags) => {
  const arch = flags.arch ?? architecture()
  const images = wanted(names, flags.all === true)
  if (arch !== architecture() && flags.save === undefined)
    throw new TelpherError('usage', `this machine does not run ${arch}: write the image to a file with --save FILE`, { field: '--arch' })
  const busybox = flags.busybox === undefined ? undefined : resolve(cli.cwd, flags.busybox)
  const made: PreparedImage[] = []
  for (const image of images) made.push(await make(cli, image, arch, busybox))
  const file = flags.save === undefined ? undefined : resolve(cli.cwd, flags.save)
  if (file === undefined) {
    const { localImages } = await import('../../sandbox/image/local.ts')
    await localImages(await socketOf(cli, flags)).load(made)
  } else await save(made, file)
  const rows = images.map(({ kubectl, helm }, index) => {
    const { tag = '', id = '' } = made[index] ?? {}
    return { image: tag, id, kubectl, helm, arch, ...(file === undefined ? {} : { file }) }
  })
  await print(cli, rows, () =>
    table(
      ['IMAGE', 'KUBECTL', 'HELM', 'ARCH', 'ID'],
      rows.map((row) => [row.image, row.kubectl, row.helm, row.arch, shortImageId(row.id)]),
    ),
  )
  if (file !== undefined) cli.say(`Written to ${file}. Load it on the host of a worker: telpher image load FILE`)
  return exitCodes.ok
}
