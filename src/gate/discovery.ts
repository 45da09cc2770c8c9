import type { OutgoingHttpHeaders } from 'node:http'

/** An answer that can be given again. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
  readonly etag?: string
}

interface Entry {
  readonly answer: KeptAnswer
  checkedAt: number
}

/** What clients ask anew at every start: 2.1 MB in 8 requests for one kubectl apply. */
const cacheable = /^\/(?:api|apis|version|openapi\/v[23])(?:\/[^?]*)?$/
/** Writes after which the server's discovery says something else. */
const changing = new Set(['customresourcedefinitions.apiextensions.k8s.io', 'apiservices.apiregistration.k8s.io'])
const freshMs = 10_000
const mostBytes = 64 * 1024 * 1024

/** Discovery and OpenAPI documents of one target and credential, shared by the attempts of a worker. */
export interface DiscoveryCache {
  /** What is known for a request, and whether it may be given without asking the server again. */
  get(key: string): { readonly answer: KeptAnswer; readonly fresh: boolean } | undefined
  put(key: string, answer: KeptAnswer): void
  /** The server said that it is unchanged. */
  confirm(key: string): void
  clear(): void
}

/** @param now monotonic clock in ms */
export const createDiscoveryCache = (now: () => number = () => performance.now()): DiscoveryCache => {
  const entries = new Map<string, Entry>()
  let bytes = 0
  const clear = (): void => {
    entries.clear()
    bytes = 0
  }
  return {
    get(key) {
      const entry = entries.get(key)
      return entry === undefined ? undefined : { answer: entry.answer, fresh: now() - entry.checkedAt < freshMs }
    },
    put(key, answer) {
      bytes += answer.body.length - (entries.get(key)?.answer.body.length ?? 0)
      if (bytes > mostBytes) clear()
      entries.set(key, { answer, checkedAt: now() })
    },
    confirm(key) {
      const entry = entries.get(key)
      if (entry !== undefined) entry.checkedAt = now()
    },
    clear,
  }
}

/** Whether answers to this path may be kept: documents, not resources. */
export const isDiscovery = (path: string, isResource: boolean): boolean => !isResource && cacheable.test(path)

/** Whether a write makes what is kept untrue. */
export const changesDiscovery = (group: string, resource: string): boolean => changing.has(`${resource}.${group}`)
