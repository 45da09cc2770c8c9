import { setTimeout as pause } from 'node:timers/promises'
import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'
import { linesOf } from './lines.ts'
import { AnswerError } from './read.ts'
import { listPath, readSource, type Source } from './source.ts'

/** Each watch asks the server to end it after this, so that one that was cut silently is noticed by its missing end. */
const watchSeconds = 8
const silenceMs = 11_000
const pollMs = 2000
const longestPauseMs = 2000
/** An API server that has just started refuses what it would allow a second later: its roles are not loaded yet. */
const refusalMs = 5000
const watchAgainMs = 30_000

/** The objects of one source, kept up to date by list and watch. */
export interface Collection {
  /** Whether a first list was had. */
  synced(): boolean
  /** By `namespace/name`. */
  objects(): ReadonlyMap<string, KubeObject>
  /** Jobs that are gone, as they were when they went: one that cleans itself up may be done and gone between two looks. */
  departed(): ReadonlyMap<string, KubeObject>
  /** Changes with every change of an object. */
  revision(): number
  /** The server's words when it was never allowed to be read and that did not change for 5 s. */
  denied(): string | undefined
  /** What went wrong last, while nothing was had since. */
  trouble(): string | undefined
  /** When the last list that was had had been asked for, ms by performance.now(): what is known is at least as new. */
  readAt(): number
  /** Lists again at once, unless that is happening: proof that a quiet watch did not miss anything. */
  refresh(): void
  /** The server's clock less ours, ms, to about a second. */
  clockSkew(): number | undefined
  close(): void
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject & { readonly code?: number }
}

const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`

/** The server no longer knows this point in time: everything is listed anew (Kubernetes docs: efficient detection of changes). */
class Gone extends Error {}

/**
 * Lists and watches one source until it is closed. It outlives timeouts, 410 Gone, connections cut aloud or silently, and
 * restarts of the API server; where watching is not allowed it lists every two seconds.
 * @param onChange called after every change
 */
export const collect = (connection: ClusterConnection, source: Source, outer: AbortSignal, onChange: () => void): Collection => {
  const closing = new AbortController()
  const signal = AbortSignal.any([outer, closing.signal])
  const objects = new Map<string, KubeObject>()
  const departed = new Map<string, KubeObject>()
  let revision = 0
  let synced = false
  let refusal: { readonly words: string; readonly at: number } | undefined
  let trouble: string | undefined
  let skew: number | undefined
  let readAt = Number.NEGATIVE_INFINITY
  let mayWatchAt = 0
  let watching: AbortController | undefined

  const changed = (): void => {
    revision++
    onChange()
  }

  /** @returns the version to watch from; undefined when it can only be read again */
  const relist = async (): Promise<string | undefined> => {
    const asked = performance.now()
    const reading = await readSource(connection, source, signal)
    if (reading.date !== undefined) skew = reading.date + 500 - Date.now()
    objects.clear()
    for (const object of reading.objects) objects.set(keyOf(object), object)
    readAt = asked
    synced = true
    refusal = undefined
    trouble = undefined
    changed()
    return reading.watchable && performance.now() >= mayWatchAt ? reading.resourceVersion : undefined
  }

  const handle = ({ type, object }: WatchEvent): void => {
    if (type === 'ERROR') throw object.code === 410 ? new Gone() : new AnswerError(object.code ?? 500, source.path, 'the watch failed')
    if (type === 'BOOKMARK') return
    const key = keyOf(object)
    if (type === 'DELETED') {
      objects.delete(key)
      // The event has the last state before the deletion (Kubernetes docs: API concepts, watch).
      if (object.kind === 'Job') departed.set(key, object)
    } else objects.set(key, object)
    changed()
  }

  const watchOnce = async (from: string, until: AbortSignal): Promise<string> => {
    let version = from
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(version)}`
    const answer = await connection.request({
      method: 'GET',
      path: `${listPath(source)}${query}`,
      headers: { accept: 'application/json' },
      timeoutMs: silenceMs,
      signal: until,
    })
    if (answer.status !== 200) {
      answer.body.resume()
      throw answer.status === 410 ? new Gone() : new AnswerError(answer.status, source.path, 'the watch was refused')
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
        wait = 100
        if (version === undefined) {
          await pause(pollMs, undefined, { signal })
          continue
        }
        watching = new AbortController()
        version = await watchOnce(version, AbortSignal.any([signal, watching.signal]))
      } catch (thrown) {
        if (signal.aborted) return
        const refreshing = watching?.signal.aborted === true
        const status = thrown instanceof AnswerError ? thrown.status : 0
        const refused = status === 403 || status === 405
        const words = thrown instanceof Error ? thrown.message : String(thrown)
        if (refused && version !== undefined) mayWatchAt = performance.now() + watchAgainMs
        else if (!refreshing && !(thrown instanceof Gone)) {
          if (refused) refusal ??= { words, at: performance.now() }
          trouble = words
          onChange()
          await pause(wait, undefined, { signal })
          wait = Math.min(wait * 2, longestPauseMs)
        }
        // After any trouble what is known may be old: it is listed anew, which is also how polling works.
        version = undefined
      } finally {
        watching = undefined
      }
    }
  }
  follow().catch(() => {})

  return {
    synced: () => synced,
    objects: () => objects,
    departed: () => departed,
    revision: () => revision,
    denied: () => (synced || refusal === undefined || performance.now() - refusal.at < refusalMs ? undefined : refusal.words),
    trouble: () => trouble,
    readAt: () => readAt,
    refresh: () => watching?.abort(),
    clockSkew: () => skew,
    close: () => closing.abort(),
  }
}
