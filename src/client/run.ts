import type { LogLine, StoredEvent } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isTerminal, type Result } from '../model/states.ts'
import { type Summary, summaryOf } from '../model/summary.ts'
import type { Client, Detail } from './http.ts'
import { insist } from './insist.ts'

/** How a deployment ended. */
export interface Ended extends Detail {
  readonly result: Result
  readonly summary: Summary
}

/** A deployment that was started: followed, read, ended. Iterating over it is watching it from its beginning. */
export interface Run extends AsyncIterable<StoredEvent> {
  readonly id: string
  /** How it stands now. @throws TelpherError */
  detail(): Promise<Detail>
  /**
   * Everything that happened, then what happens, until the deployment has finished. A connection that is cut is taken up again where
   * it was; an aborted signal ends the watching, not the deployment.
   * @throws TelpherError server_unreachable when the server is away for two minutes
   */
  watch(options?: { readonly signal?: AbortSignal }): AsyncGenerator<StoredEvent, void, undefined>
  /**
   * The output of one of its jobs, as it comes when `follow` is set.
   * @throws TelpherError unknown_deployment
   */
  log(jobId: string, options?: { readonly follow?: boolean; readonly signal?: AbortSignal }): AsyncGenerator<LogLine, void, undefined>
  /**
   * Waits for its end. A deployment that failed is a result, no error.
   * @param options.timeoutMs none when absent
   * @throws TelpherError wait_timed_out; the reason of an aborted signal
   */
  result(options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<Ended>
  /**
   * Asks for its end; `result` says how it came to it. A second request may add `force` to a first one.
   * @param options.force kills its programs at once, without time to record what they did; no when absent
   * @throws TelpherError
   */
  cancel(options?: { readonly force?: boolean }): Promise<Detail>
}

const never = new AbortController().signal

/** What a run is read from. */
export type RunSource = Pick<Client, 'events' | 'deployment' | 'cancel' | 'log' | 'followLog'>

export const runOf = (client: RunSource, id: string): Run => {
  const watch = async function* ({ signal = never }: { readonly signal?: AbortSignal } = {}) {
    yield* client.events(id, { signal })
  }
  return {
    id,
    watch,
    [Symbol.asyncIterator]: () => watch(),
    detail: () => client.deployment(id),
    cancel: ({ force } = {}) => client.cancel(id, force),
    async *log(jobId, { follow = false, signal = never } = {}) {
      if (follow) yield* client.followLog(id, jobId, { signal })
      else yield* await client.log(id, jobId)
    },
    async result({ timeoutMs, signal } = {}) {
      const late = timeoutMs === undefined ? never : AbortSignal.timeout(timeoutMs)
      const either = AbortSignal.any([late, signal ?? never])
      for await (const _ of watch({ signal: either }));
      signal?.throwIfAborted()
      const detail = await insist(() => client.deployment(id))
      const { deployment, jobs } = detail
      if (deployment.result === undefined || !jobs.every(({ status }) => isTerminal(status)))
        throw new TelpherError('wait_timed_out', `${id} did not end within ${(timeoutMs ?? 0) / 1000} s; it goes on`)
      return { ...detail, result: deployment.result, summary: summaryOf(jobs) }
    },
  }
}
