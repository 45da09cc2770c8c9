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
const changing: ReadonlySet<string> = new Set(['customresourcedefinitions.apiextensions.k8s.io', 'apiservices.apiregistration.k8s.io'])
const freshMs = 10_000
/** The API server needs a while from such a write until its discovery shows it: until then every answer is checked. */
const unsettledMs = 30_000
const mostBytes = 24 * 1024 * 1024

/** Discovery and OpenAPI documents of one target and credential, shared by the attempts of a worker. */
export interface DiscoveryCache {
  /** What is known for a request, and whether it may be given without asking the server again. */
  get(key: string): { readonly answer: KeptAnswer; readonly fresh: boolean } | undefined
  put(key: string, answer: KeptAnswer): void
  /** The server said that it is unchanged. */
  confirm(key: string): void
  /** Something was written that changes the documents, at once or soon. */
  changed(): void
}

/** @param now monotonic clock in ms */
export const createDiscoveryCache = (now: () => number = () => performance.now()): DiscoveryCache => {
  const entries = new Map<string, Entry>()
  let bytes = 0
  let unsettledUntil = Number.NEGATIVE_INFINITY
  const drop = (key: string): void => {
    bytes -= entries.get(key)?.answer.body.length ?? 0
    entries.delete(key)
  }
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      const at = now()
      return { answer: entry.answer, fresh: at - entry.checkedAt < freshMs && at >= unsettledUntil }
    },
    put(key, answer) {
      drop(key)
      entries.set(key, { answer, checkedAt: now() })
      bytes += answer.body.length
      for (const oldest of entries.keys()) {
        if (bytes <= mostBytes) break
        drop(oldest)
      }
    },
    confirm(key) {
      const entry = entries.get(key)
      if (entry === undefined) return
      entry.checkedAt = now()
      entries.delete(key)
      entries.set(key, entry)
    },
    changed() {
      entries.clear()
      bytes = 0
      unsettledUntil = now() + unsettledMs
    },
  }
}

/** Whether answers to this path may be kept: documents, not resources. */
export const isDiscovery = (path: string, isResource: boolean): boolean => !isResource && cacheable.test(path)

/** Whether a write makes what is kept untrue. */
export const changesDiscovery = (group: string, resource: string): boolean => changing.has(`${resource}.${group}`)
