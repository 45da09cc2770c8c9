import { setTimeout as pause } from 'node:timers/promises'
import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'
import { linesOf } from './lines.ts'
import { AnswerError, list } from './read.ts'

/** Each watch asks the server to end it after this, so that one that was cut silently is noticed by its missing end. */
const watchSeconds = 8
const silenceMs = 12_000
const pollMs = 2000
const longestPauseMs = 2000

/** The objects at one path, kept up to date by list and watch. */
export interface Collection {
  readonly path: string
  /** Whether a first list was had. */
  synced(): boolean
  /** By `namespace/name`. */
  objects(): ReadonlyMap<string, KubeObject>
  /** Undefined while it may be read; the server's words when not even a list is allowed. */
  denied(): string | undefined
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject & { readonly code?: number }
}

export const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`

/** The server no longer knows this point in time: everything is listed anew (Kubernetes docs: efficient detection of changes). */
class Gone extends Error {}

/**
 * Lists and watches one path until the signal aborts. It outlives timeouts, 410 Gone, cut connections and restarts of
 * the API server; where watching is not allowed it lists every two seconds.
 * @param onChange called after every change
 */
export const collect = (connection: ClusterConnection, path: string, signal: AbortSignal, onChange: () => void): Collection => {
  const objects = new Map<string, KubeObject>()
  let synced = false
  let denied: string | undefined

  const relist = async (): Promise<string> => {
    const listed = await list(connection, path, signal)
    const fresh = new Map(listed.objects.map((object) => [keyOf(object), object]))
    for (const key of objects.keys()) if (!fresh.has(key)) objects.delete(key)
    for (const [key, object] of fresh) objects.set(key, object)
    synced = true
    denied = undefined
    onChange()
    return listed.resourceVersion
  }

  const handle = ({ type, object }: WatchEvent): void => {
    if (type === 'ERROR') throw object.code === 410 ? new Gone() : new AnswerError(object.code ?? 500, path, 'the watch failed')
    if (type === 'BOOKMARK') return
    if (type === 'DELETED') objects.delete(keyOf(object))
    else objects.set(keyOf(object), object)
    onChange()
  }

  const watchOnce = async (from: string): Promise<string> => {
    let version = from
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(version)}`
    const answer = await connection.request({
      method: 'GET',
      path: `${path}?${query}`,
      headers: { accept: 'application/json' },
      timeoutMs: silenceMs,
      signal,
    })
    if (answer.status !== 200) {
      answer.body.resume()
      throw answer.status === 410 ? new Gone() : new AnswerError(answer.status, path, 'the watch was refused')
    }
    for await (const line of linesOf(answer.body, silenceMs)) {
      const event = JSON.parse(line) as WatchEvent
      handle(event)
      version = event.object.metadata.resourceVersion ?? version
    }
    return version
  }

  const follow = async (): Promise<void> => {
    let version: string | undefined
    for (let wait = 100; !signal.aborted; ) {
      try {
        version ??= await relist()
        version = await watchOnce(version)
        wait = 100
      } catch (thrown) {
        if (signal.aborted) return
        const status = thrown instanceof AnswerError ? thrown.status : 0
        if (status === 403 || status === 405) {
          if (version === undefined) denied = thrown instanceof Error ? thrown.message : ''
          onChange()
          await pause(pollMs, undefined, { signal })
        } else if (!(thrown instanceof Gone)) {
          await pause(wait, undefined, { signal })
          wait = Math.min(wait * 2, longestPauseMs)
        }
        // After any trouble what is known may be old: it is listed anew, which is also how polling works.
        version = undefined
      }
    }
  }
  follow().catch(() => {})

  return { path, synced: () => synced, objects: () => objects, denied: () => denied }
}
