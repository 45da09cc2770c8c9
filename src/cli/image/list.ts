import { coveredMinors, defaultImage, execImages, type ImagePins, imageTag, shortImageId } from '../../model/image.ts'
import type { LocalImage } from '../../sandbox/image/local.ts'
import type { Cli, Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print, table } from '../output.ts'
import { type EngineFlags, megabytes, socketOf } from './engine.ts'

/** An execution image: what it is, whether it is here, and whether it is the one that workers may start. */
interface ListedImage {
  readonly image: string
  /** Name for `telpher image build`; absent for one that somebody else made. */
  readonly name?: string
  readonly kubectl?: string
  readonly helm?: string
  /** Minor versions of API servers that its tools support. */
  readonly covers?: { readonly from: number; readonly to: number }
  readonly default: boolean
  readonly here?: { readonly id: string; readonly arch: string; readonly size: number }
  readonly pinned?: readonly string[]
}

/** Without an engine or a server the list still says which images there are. */
const orElse = async <T>(cli: Cli, asked: Promise<T>, otherwise: T): Promise<T> =>
  asked.catch((thrown: unknown) => {
    cli.say(thrown instanceof Error ? thrown.message : String(thrown))
    return otherwise
  })

const pinsOf = async (cli: Cli): Promise<ImagePins> => (await cli.client()).pins()

const listed = (found: readonly LocalImage[], pins: ImagePins): ListedImage[] => {
  const ours = execImages.map((image) => ({ ...image, image: imageTag(image) }))
  const others = new Set(
    [...found.map(({ image }) => image), ...Object.keys(pins)].filter((tag) => !ours.some(({ image }) => image === tag)),
  )
  const rest = (image: string): Pick<ListedImage, 'default' | 'here' | 'pinned'> => {
    const here = found.find((one) => one.image === image)
    return {
      default: image === defaultImage,
      ...(here === undefined ? {} : { here: { id: here.id, arch: here.arch, size: here.size } }),
      ...(pins[image] === undefined ? {} : { pinned: pins[image] }),
    }
  }
  return [
    ...ours.map((image) => ({
      image: image.image,
      name: image.name,
      kubectl: image.kubectl,
      helm: image.helm,
      covers: coveredMinors(image),
      ...rest(image.image),
    })),
    ...[...others].toSorted().map((image): ListedImage => {
      const { kubectl, helm } = found.find((one) => one.image === image) ?? {}
      return { image, ...(kubectl === undefined ? {} : { kubectl }), ...(helm === undefined ? {} : { helm }), ...rest(image) }
    }),
  ]
}

const pinText = ({ pinned, here }: ListedImage): string => {
  if (pinned === undefined) return ''
  if (here === undefined) return 'yes'
  return pinned.includes(here.id) ? 'this one' : 'another one'
}

const rowOf = (image: ListedImage): string[] => [
  `${image.image}${image.default ? ' (default)' : ''}`,
  image.kubectl ?? '',
  image.helm ?? '',
  image.covers === undefined ? '' : `1.${image.covers.from} to 1.${image.covers.to}`,
  image.here === undefined ? 'no' : `${shortImageId(image.here.id)} ${image.here.arch} ${megabytes(image.here.size)}`,
  pinText(image),
]

/** `telpher image list`: the images that there are, what they cover, and which of them the engine here has. */
export const runImageList: Command<EngineFlags> = async (cli, _, flags) => {
  const { localImages } = await import('../../sandbox/image/local.ts')
  const engine = localImages(await socketOf(cli, flags))
  const [found, pins] = await Promise.all([orElse(cli, engine.list(), []), orElse(cli, pinsOf(cli), {})])
  const images = listed(found, pins)
  await print(cli, images, () => table(['IMAGE', 'KUBECTL', 'HELM', 'SERVERS', 'HERE', 'PINNED'], images.map(rowOf)))
  return exitCodes.ok
}
