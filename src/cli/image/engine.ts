import { announcedSocket } from '../../client/endpoint.ts'
import { shortImageId } from '../../model/image.ts'
import type { LocalImage } from '../../sandbox/image/local.ts'
import type { Cli } from '../context.ts'
import { table } from '../output.ts'

/** Where the images of this machine are: every command about them takes it. */
export interface EngineFlags {
  readonly dockerSocket?: string
}

/** The engine of the flag, of the environment, of the sandbox in this folder or above it, or the usual one. */
export const socketOf = async (cli: Cli, { dockerSocket }: EngineFlags): Promise<string> => {
  const { usualSocket } = await import('../../sandbox/dockerEngine.ts')
  return dockerSocket ?? (cli.env['TELPHER_DOCKER_SOCKET'] || ((await announcedSocket(cli.cwd)) ?? usualSocket()))
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

/** Images that were built or loaded, for people. */
export const imageTable = (images: readonly LocalImage[]): string =>
  table(
    ['IMAGE', 'KUBECTL', 'HELM', 'ARCH', 'SIZE', 'ID'],
    images.map(({ image, kubectl = '', helm = '', arch, size, id }) => [image, kubectl, helm, arch, megabytes(size), shortImageId(id)]),
  )
