import { TelpherError } from '../model/errors.ts'
import { chooseImage, defaultHelm, type ImageFacts, type SkewPolicy, skewWarning, type ToolsUsed } from '../model/image.ts'
import type { Step } from '../model/step.ts'
import type { StepSession } from './session.ts'

/** The images that a step may run in, best first, and what may break in them. */
export interface ImagesFor {
  readonly images: readonly string[]
  readonly warning?: string
}

/**
 * Which images a step may run in: its own, else the worker's, else the one that is made for the server.
 * @param fixed the one that the worker was told to use, if any
 * @param server the server's version; undefined when it is not known
 */
export const imagesFor = (step: Step, fixed: string | undefined, server: string | undefined): ImagesFor => {
  const own = step.image ?? fixed
  if (own !== undefined) return { images: [own] }
  const { tags, warning } = chooseImage(server, step.kind === 'helm' ? step.helmVersion : undefined)
  return { images: tags, ...(warning === undefined ? {} : { warning }) }
}

export interface OpenedSession {
  readonly image: string
  readonly session: StepSession
}

/** It is not on the host, or may not be started there: another one may do. */
const isMissing = (thrown: unknown): boolean =>
  thrown instanceof TelpherError && (thrown.code === 'image_missing' || thrown.code === 'image_unpinned')

/**
 * Starts the first image that is there: all of them are right for the server.
 * @throws what the start throws; image_missing or image_unpinned about the best one when none is there
 */
export const openFirst = async (images: readonly string[], open: (image: string) => Promise<StepSession>): Promise<OpenedSession> => {
  let missing: unknown
  for (const image of images) {
    try {
      return { image, session: await open(image) }
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown
      missing ??= thrown
    }
  }
  throw missing
}

/**
 * The container that was started for what the server's version was believed to be, or another one now that it is known.
 * @param early how that start went
 * @throws what the early start threw where it still counts, and what the second one throws; nothing is left open then
 */
export const reopenFor = async (
  { images }: ImagesFor,
  early: PromiseSettledResult<OpenedSession>,
  open: (image: string) => Promise<StepSession>,
): Promise<OpenedSession> => {
  if (early.status === 'rejected') {
    if (!isMissing(early.reason)) throw early.reason
    return openFirst(images, open)
  }
  if (images.includes(early.value.image)) return early.value
  const [opened] = await Promise.all([openFirst(images, open), early.value.session.dispose()])
  return opened
}

/** @throws TelpherError version_skew where a warning is not enough */
export const mustBeAllowed = (warning: string | undefined, policy: SkewPolicy): void => {
  if (warning !== undefined && policy === 'refuse') throw new TelpherError('version_skew', warning, { field: 'image' })
}

/** What may break with the kubectl that is really in the image; an image that does not say it is taken at its word. */
export const warningFor = (chosen: ImagesFor, facts: ImageFacts | undefined, server: string | undefined): string | undefined =>
  facts?.kubectl === undefined ? chosen.warning : skewWarning(facts.kubectl, server)

/** A plan is made for one major version of helm. @throws TelpherError image_tools when the image says that it has another */
export const mustHaveHelm = (step: Step, image: string, facts: ImageFacts | undefined): void => {
  if (step.kind !== 'helm' || facts?.helm === undefined) return
  const wanted = step.helmVersion ?? defaultHelm
  if (facts.helm.startsWith(`${wanted}.`)) return
  throw new TelpherError('image_tools', `the image ${image} has helm ${facts.helm}, and step ${step.name} runs helm ${wanted}`, {
    field: 'helmVersion',
  })
}

/** What is written down of what a step ran with. */
export const toolsOf = (image: string, facts: ImageFacts | undefined, server: string | undefined): ToolsUsed => {
  const { id, ...versions } = facts ?? {}
  return { image, ...(id === undefined ? {} : { imageId: id }), ...versions, ...(server === undefined ? {} : { server }) }
}
