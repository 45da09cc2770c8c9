import { TelpherError } from '../../model/errors.ts'
import { findImage, howToGet, imageIdPattern, imageTag } from '../../model/image.ts'
import type { Cli, Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print } from '../output.ts'
import { type EngineFlags, socketOf } from './engine.ts'

interface PinFlags extends EngineFlags {
  readonly id?: readonly string[]
  readonly remove?: boolean
}

const idHere = async (cli: Cli, image: string, flags: PinFlags): Promise<string> => {
  const { localImages } = await import('../../sandbox/image/local.ts')
  const here = await localImages(await socketOf(cli, flags)).find(image)
  if (here !== undefined) return here.id
  throw new TelpherError('image_missing', `${image} is not here, so its id is not known: give it with --id, or ${howToGet(image)}`, {
    field: 'image',
  })
}

const idsOf = async (cli: Cli, image: string, flags: PinFlags): Promise<readonly string[]> => {
  if (flags.remove === true) {
    if (flags.id !== undefined) throw new TelpherError('usage', '--remove takes the whole pin away: leave --id out', { field: '--id' })
    return []
  }
  const wrong = flags.id?.find((id) => !imageIdPattern.test(id))
  if (wrong !== undefined) throw new TelpherError('usage', `--id ${wrong}: give sha256: and 64 hexadecimal digits`, { field: '--id' })
  return flags.id ?? [await idHere(cli, image, flags)]
}

/** `telpher image pin IMAGE`: from now on workers start this very image under its name, and refuse any other. */
export const runImagePin: Command<PinFlags> = async (cli, [name = ''], flags) => {
  const known = findImage(name)
  const image = known === undefined ? name : imageTag(known)
  const ids = await idsOf(cli, image, flags)
  await (await cli.client()).pinImage(image, ids)
  await print(cli, { image, ids }, () =>
    ids.length === 0 ? `${image} is no longer pinned\n` : `${image} is pinned to ${ids.join(' or ')}\n`,
  )
  return exitCodes.ok
}
