import { readJson } from '../model/answer.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'

/** An answer that is no success, with its HTTP status. */
export class AnswerError extends TelpherError {
  readonly status: number

  constructor(status: number, path: string, message: string) {
    super(
      status === 401 ? 'target_unauthorized' : status === 403 ? 'target_forbidden' : 'target_error',
      `GET ${path} was answered with ${status}${message === '' ? '' : `: ${message}`}`,
    )
    this.status = status
  }
}

const timeoutMs = 10_000
const pageSize = 500

export interface Answer<T> {
  readonly body: T
  /** The server's clock when it answered, ms since the epoch, to the second; undefined when it does not say. */
  readonly date: number | undefined
}

/**
 * One GET of JSON, raw: fields that this version does not know are kept.
 * @throws AnswerError for any status but 200; TelpherError of the connection, also when the body breaks off
 */
export const getJson = async <T>(connection: ClusterConnection, path: string, signal?: AbortSignal): Promise<Answer<T>> => {
  const answer = await connection.request({
    method: 'GET',
    path,
    headers: { accept: 'application/json' },
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  })
  const where = path.split('?')[0] ?? path
  const body: unknown = await readJson(answer.body).catch((error: Error) => {
    if (error instanceof TelpherError) throw error
    if (answer.status === 200)
      throw new TelpherError('target_error', `the answer to GET ${where} broke off: ${error.message}`, { cause: error })
  })
  if (answer.status === 200) {
    const date = Date.parse(answer.headers.date ?? '')
    return { body: body as T, date: Number.isNaN(date) ? undefined : date }
  }
  const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : ''
  throw new AnswerError(answer.status, where, message)
}

interface ListAnswer {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly KubeObject[] | null
}

export interface Listed {
  readonly objects: readonly KubeObject[]
  readonly resourceVersion: string
  readonly date: number | undefined
}

/** All objects at a path, page by page; items get the kind that a List does not repeat for each. */
export const list = async (connection: ClusterConnection, path: string, signal?: AbortSignal): Promise<Listed> => {
  const objects: KubeObject[] = []
  let token = ''
  for (;;) {
    const { body: page, date } = await getJson<ListAnswer>(
      connection,
      `${path}${path.includes('?') ? '&' : '?'}limit=${pageSize}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`,
      signal,
    )
    const kind = page.kind?.replace(/List$/, '')
    for (const item of page.items ?? [])
      objects.push({
        ...(kind === undefined ? {} : { kind }),
        ...(page.apiVersion === undefined ? {} : { apiVersion: page.apiVersion }),
        ...item,
      })
    token = page.metadata.continue ?? ''
    if (token === '') return { objects, resourceVersion: page.metadata.resourceVersion, date }
  }
}

/** The path of a resource's collection. */
export const collectionPath = (ref: {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly namespace?: string
}): string => {
  const root = ref.group === '' ? `/api/${ref.version}` : `/apis/${ref.group}/${ref.version}`
  return ref.namespace === undefined ? `${root}/${ref.resource}` : `${root}/namespaces/${encodeURIComponent(ref.namespace)}/${ref.resource}`
}
