import type { CheckLine } from '../src/model/check.ts'
import { TelpherError, toTelpherError } from '../src/model/errors.ts'
import {
  chooseImage,
  howToGet,
  type ImageFacts,
  type ImagePins,
  mustHavePin,
  shortImageId,
  type UnpinnedPolicy,
} from '../src/model/image.ts'
import type { Executor } from '../src/model/ports.ts'

interface ImageCheck {
  /** The API server's version. */
  readonly server: string | undefined
  /** The image that the worker was told to use. */
  readonly fixed: string | undefined
  readonly pins: ImagePins
  readonly unpinned: UnpinnedPolicy
  readonly find: NonNullable<Executor['image']>
}

const firstFound = async (
  images: readonly string[],
  find: ImageCheck['find'],
): Promise<{ image: string; facts: ImageFacts } | undefined> => {
  for (const image of images) {
    const facts = await find(image)
    if (facts !== undefined) return { image, facts }
  }
  return undefined
}

/** Whether the image that steps on this target run in is on the worker's host, and the one that may be started. */
const look = async ({ server, fixed, pins, unpinned, find }: ImageCheck): Promise<string> => {
  const candidates = fixed === undefined ? chooseImage(server).tags : [fixed]
  const images = candidates.filter((image) => unpinned === 'run' || pins[image] !== undefined)
  for (const image of images.length === 0 ? candidates : []) mustHavePin(image, pins, unpinned)
  const found = await firstFound(images, find)
  if (found === undefined) {
    const [wanted = ''] = images
    throw new TelpherError('image_missing', `${wanted} is not on the host of this worker: ${howToGet(wanted)}`)
  }
  const { image, facts } = found
  const pinned = pins[image]
  if (pinned !== undefined && !pinned.includes(facts.id))
    throw new TelpherError('image_differs', `${image} is ${facts.id}; pinned is ${pinned.join(' or ')}`)
  return `${image}, ${shortImageId(facts.id)}${pinned === undefined ? '' : ', pinned'}`
}

/** The rung of a target's check about the execution image. */
export const checkImage = async (asked: ImageCheck): Promise<CheckLine> => {
  const started = performance.now()
  const line = { rung: 'image' as const, subject: 'here' }
  const ms = (): number => Math.round(performance.now() - started)
  try {
    return { ...line, message: await look(asked), status: 'ok', ms: ms() }
  } catch (thrown) {
    const error = toTelpherError(thrown)
    return { ...line, status: 'failed', ms: ms(), message: error.message, code: error.code, fix: error.hint }
  }
}
