import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'

/** Where a server is, and where its token lies. */
export interface Endpoint {
  readonly url: string
  readonly tokenFile: string
}

export interface EndpointOptions {
  readonly server?: string | undefined
  readonly tokenFile?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** Data folders in which `telpher dev` and `telpher server start` say where they are. */
const announcements = ['.telpher/dev/endpoint.json', '.telpher/endpoint.json']

interface Announcement extends Endpoint {
  /** Socket of the engine that it was told of: in a sandbox its workers use it too. */
  readonly dockerSocket?: string
}

/** What a running server announced; a file of another user is not believed: it would be given the token's requests. */
const announced = async (file: string): Promise<Announcement | undefined> => {
  try {
    const owner = (await stat(file)).uid
    if (process.getuid !== undefined && owner !== process.getuid()) return undefined
    const read: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (typeof read !== 'object' || read === null || !('url' in read) || !('tokenFile' in read)) return undefined
    return {
      url: String(read.url),
      tokenFile: resolve(dirname(file), String(read.tokenFile)),
      ...('dockerSocket' in read ? { dockerSocket: String(read.dockerSocket) } : {}),
    }
  } catch {
    return undefined
  }
}

/** The nearest announcement in this folder or its parents. */
const nearest = async (cwd: string): Promise<Announcement | undefined> => {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    for (const name of announcements) {
      const found = await announced(join(folder, name))
      if (found !== undefined) return found
    }
    if (dirname(folder) === folder) return undefined
  }
}

/** Socket of the Docker engine that a server which was started from this folder or above it was told of. */
export const announcedSocket = async (cwd: string): Promise<string | undefined> => (await nearest(cwd))?.dockerSocket

const urlOf = (text: string): string => {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new TelpherError('usage', `--server: give an address such as http://127.0.0.1:7373, not "${text}"`, { field: '--server' })
  return text.replace(/\/+$/, '')
}

/**
 * Which server to talk to: flag, then TELPHER_SERVER and TELPHER_TOKEN_FILE, then the one announced in this folder or its parents.
 * @throws TelpherError server_unreachable, usage
 */
export const findEndpoint = async (options: EndpointOptions): Promise<Endpoint> => {
  const server = options.server ?? (options.env['TELPHER_SERVER'] || undefined)
  const tokenFile = options.tokenFile ?? (options.env['TELPHER_TOKEN_FILE'] || undefined)
  if (server !== undefined && tokenFile !== undefined) return { url: urlOf(server), tokenFile: resolve(options.cwd, tokenFile) }
  const here = await nearest(options.cwd)
  if (server === undefined) {
    if (here === undefined)
      throw new TelpherError('server_unreachable', 'no server is named, and none was started from this folder or its parents')
    return { url: here.url, tokenFile: tokenFile === undefined ? here.tokenFile : resolve(options.cwd, tokenFile) }
  }
  if (here?.url === urlOf(server)) return { url: here.url, tokenFile: here.tokenFile }
  throw new TelpherError('unauthorized', `there is no token for ${server}: name its file with --token-file or TELPHER_TOKEN_FILE`)
}

/** @throws TelpherError unauthorized when the file cannot be read or holds no token */
export const readToken = async (file: string): Promise<Secret> => {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TelpherError('unauthorized', `the token file ${file} cannot be read`, { field: '--token-file', cause })
  })
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TelpherError('unauthorized', `${file} does not hold a token`, { field: '--token-file' })
  return new Secret(token)
}
