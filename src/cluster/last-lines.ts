import { readWhole } from '../model/answer.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject } from '../model/verdict.ts'
import { part, textAt } from './assess/fields.ts'
import { containersOf } from './pods.ts'
import { harmless } from './text.ts'

const lines = 20
const mostBytes = 16_384
/** Some more than was asked for, as an API server counts it. */
const mostAnswered = 1024 * 1024
const longestLine = 500
const timeoutMs = 5000
/** What the kubelet answers, with a status of 200, when the log is gone. */
const noLog = /^(?:unable to retrieve container logs for |failed to try resolving symlinks )/

const logOf = async (
  connection: ClusterConnection,
  pod: KubeObject,
  container: string,
  previous: boolean,
  signal: AbortSignal,
): Promise<string[]> => {
  const { namespace = '', name = '' } = pod.metadata
  const query = `container=${encodeURIComponent(container)}&tailLines=${lines}&limitBytes=${mostBytes}${previous ? '&previous=true' : ''}`
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/log?${query}`
  const answer = await connection.request({ method: 'GET', path, timeoutMs, signal })
  const body = (await readWhole(answer.body, mostAnswered)).toString('utf8')
  if (answer.status !== 200 || noLog.test(body)) return []
  return body
    .split('\n')
    .map((line) => harmless(line.trimEnd(), longestLine))
    .filter((line) => line !== '')
    .slice(-lines)
}

/**
 * The last lines of the container that ended last, at most 20 of at most 500 characters. The log of the current container
 * is that one's unless it runs again; only then the previous one is asked for (the kubelet deletes the log before last
 * while the status still names it).
 */
export const lastLinesOf = async (
  connection: ClusterConnection,
  pod: KubeObject,
  container: string,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const status = containersOf(pod).find((entry) => textAt(entry, 'name') === container) ?? {}
  const runs = textAt(part(part(status, 'state'), 'running'), 'startedAt') !== undefined
  const ended = textAt(part(part(status, 'lastState'), 'terminated'), 'finishedAt') !== undefined
  const first = await logOf(connection, pod, container, runs && ended, signal)
  return first.length > 0 ? first : logOf(connection, pod, container, !(runs && ended) && ended, signal)
}
