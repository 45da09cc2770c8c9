import { TelpherError } from './errors.ts'

/** What is looked at of an answer to tell who gave it. */
export interface GivenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

const titleIn = (body: unknown): string | undefined => {
  const title = typeof body === 'string' ? /<title[^>]*>([^<]{1,200})/i.exec(body)?.[1]?.trim().replaceAll(/\s+/g, ' ') : undefined
  return title === undefined || title === '' ? undefined : title.slice(0, 80)
}

const isKubernetes = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && ('gitVersion' in body || ('kind' in body && 'apiVersion' in body))

/**
 * Tells an API server from whatever else may answer at its address: the login page of a network, a proxy, another service.
 * API servers answer in JSON, with a version or an object of a kind (Kubernetes API conventions, response status kind).
 * @param server the target's address
 * @param body what was read of the answer: parsed where it is JSON, text otherwise
 * @throws TelpherError target_not_kubernetes
 */
export const mustBeKubernetes = (server: string, { status, headers }: GivenAnswer, body: unknown): void => {
  const type = String(headers['content-type'] ?? '').split(';')[0] ?? ''
  const isRedirect = status >= 300 && status < 400
  // What is no page may be an API server that says little: some refuse in plain text.
  const isPage = type === 'text/html' || titleIn(body) !== undefined
  if (!isRedirect && !isPage && (status !== 200 || isKubernetes(body))) return
  const title = titleIn(body)
  const what = isRedirect
    ? `sends elsewhere (status ${status})`
    : isPage
      ? `sent a web page (status ${status}${title === undefined ? '' : `, "${title}"`})`
      : `sent ${type === '' ? 'something' : type} that no Kubernetes sends (status ${status})`
  throw new TelpherError(
    'target_not_kubernetes',
    `what answers at ${new URL(server).host} is no Kubernetes API: it ${what}, as login pages of networks and proxies do`,
  )
}

/** The most that is read of one answer, in bytes: a page of 500 objects has less, and who answers may be anybody. */
const mostOfAll = 64 * 1024 * 1024

/**
 * Reads a whole body.
 * @throws TelpherError target_error when it has more than 64 MiB; what the body was destroyed with
 */
export const readWhole = async (body: AsyncIterable<unknown>, most: number = mostOfAll): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(Buffer.from(chunk as Uint8Array))
    size += (chunk as Uint8Array).length
    if (size > most) throw new TelpherError('target_error', `the answer has more than ${most / 1024 / 1024} MiB`)
  }
  return Buffer.concat(chunks, size)
}

/** The same as JSON. @throws SyntaxError, and as readWhole */
export const readJson = async (body: AsyncIterable<unknown>, most?: number): Promise<unknown> =>
  JSON.parse((await readWhole(body, most)).toString('utf8'))

/** The most that is read of an answer that is only looked at. */
const mostRead = 64 * 1024

/**
 * Reads the beginning of a body that is only looked at, as JSON where it is JSON.
 * @param most bytes, about, that are read
 * @returns the value, or the text; undefined when it broke off
 */
export const readAnswer = async (body: AsyncIterable<unknown>, most: number = mostRead): Promise<unknown> => {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(Buffer.from(chunk as Uint8Array))
      size += (chunk as Uint8Array).length
      if (size > most) break
    }
  } catch {
    return undefined
  }
  const text = Buffer.concat(chunks).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
