import { finished } from 'node:stream/promises'
import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'
import { part, textAt } from './assess/fields.ts'
import { containersOf } from './pods.ts'

/** Each log that is followed is a connection; instances of one template fail alike. */
const mostOfOne = 5
const mostAtOnce = 40

/** Asks the nodes of pods whether their containers run, as long as `ms`. */
export type AreUp = (pods: readonly KubeObject[], ms: number) => Promise<boolean>

const isUp = async (connection: ClusterConnection, path: string, signal: AbortSignal, ms: number): Promise<boolean> => {
  const enough = AbortSignal.timeout(ms)
  try {
    const answer = await connection.request({ method: 'GET', path, signal: AbortSignal.any([signal, enough]) })
    answer.body.resume()
    if (answer.status !== 200) return true
    await finished(answer.body)
    return enough.aborted
  } catch {
    return true
  }
}

const logPaths = (pods: readonly KubeObject[]): string[] =>
  pods.flatMap((pod) =>
    containersOf(pod)
      .filter((container) => textAt(part(part(container, 'state'), 'running'), 'startedAt') !== undefined)
      .map((container) => {
        const { namespace = '', name = '' } = pod.metadata
        const query = `container=${encodeURIComponent(textAt(container, 'name') ?? '')}&follow=true&tailLines=0`
        return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/log?${query}`
      }),
  )

/**
 * Asks the nodes themselves whether the containers of pods run on, since a busy node reports an end seconds late. A log
 * that is followed ends as soon as its container does not run: the kubelet asks the runtime at once and every second
 * (Kubernetes: k8s.io/cri-client/pkg/logs, waitLogs).
 * @returns what tells false when one has ended, as soon as it has; true after the time, and for what cannot be asked
 */
export const createAreUp = (connection: ClusterConnection, signal: AbortSignal): AreUp => {
  let open = 0
  return (pods, ms) => {
    const paths = logPaths(pods).slice(0, Math.min(mostOfOne, mostAtOnce - open))
    const { promise, resolve } = Promise.withResolvers<boolean>()
    open += paths.length
    const asked = paths.map(async (path) => {
      const up = await isUp(connection, path, signal, ms)
      open--
      if (!up) resolve(false)
    })
    Promise.all(asked).then(
      () => resolve(true),
      () => resolve(true),
    )
    return promise
  }
}
