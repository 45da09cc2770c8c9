import { json } from 'node:stream/consumers'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'

/** An answer that is no success, with its HTTP status. */
export class AnswerError extends TelpherError {
  readonly status: number

  constructor(status: number, path: string, message: string) {
    super(
      status === 401 ? 'target_unauthorized' : status === 403 ? 'target_forbidden' : 'target_error',
      `GET ${path} was answered with ${status}: ${message}`,
    )
    this.status = status
  }
}

const timeoutMs = 15_000
const pageSize = 500

/**
 * One GET of JSON, raw: fields that this version does not know are kept.
 * @throws AnswerError for any status but 200; TelpherError of the connection
 */
export const getJson = async <T>(connection: ClusterConnection, path: string, signal?: AbortSignal): Promise<T> => {
  const answer = await connection.request({
    method: 'GET',
    path,
    headers: { accept: 'application/json' },
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  })
  const body: unknown = await json(answer.body).catch(() => undefined)
  if (answer.status === 200) return body as T
  const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : ''
  throw new AnswerError(answer.status, path.split('?')[0] ?? path, message)
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
}

/** All objects at a path, page by page; items get the kind that a List does not repeat for each. */
export const list = async (connection: ClusterConnection, path: string, signal?: AbortSignal): Promise<Listed> => {
  const objects: KubeObject[] = []
  let token = ''
  for (;;) {
    const page = await getJson<ListAnswer>(
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
    if (token === '') return { objects, resourceVersion: page.metadata.resourceVersion }
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
