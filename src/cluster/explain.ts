import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import type { ClusterConnection } from '../model/ports.ts'
import type { ChainLink, Failure, KubeObject, ObjectRef } from '../model/verdict.ts'
import { textAt } from './assess/fields.ts'
import { assess } from './assess/index.ts'
import type { Trouble } from './graces.ts'
import { newestReplicaSet, podsOf } from './owners.ts'
import { list } from './read.ts'
import type { View } from './view.ts'

const lines = 20
const longestLine = 500
const patienceMs = 5000
const againMs = 500

const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

interface Explained {
  readonly view: View
  readonly connection: ClusterConnection
  readonly ref: ObjectRef
  readonly trouble: Trouble
  readonly since: number
  readonly signal: AbortSignal
}

/** What the kubelet writes in place of a log, with status 200, when it has removed that container (pkg/kubelet/kuberuntime). */
const removed = /^(?:unable to retrieve container logs for \S+|failed to try resolving symlinks in path .*)$/

/** The end of a log; undefined when the container is no longer there. */
const logOf = async (
  { connection, signal }: Explained,
  namespace: string,
  pod: string,
  container: string,
  previous: boolean,
): Promise<string[] | undefined> => {
  const query = `container=${encodeURIComponent(container)}&tailLines=${lines}&limitBytes=16384${previous ? '&previous=true' : ''}`
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log?${query}`
  const answer = await connection.request({ method: 'GET', path, timeoutMs: patienceMs, signal })
  const body = (await text(answer.body)).trimEnd()
  if (answer.status !== 200) return []
  if (removed.test(body)) return undefined
  return body
    .split('\n')
    .slice(-lines)
    .map((line) => line.replace(control, '?').slice(0, longestLine))
    .filter((line) => line !== '')
}

/**
 * The last lines of the container that crashed: of its previous life, else of this one. While the kubelet changes one for
 * the next there may be neither: it is asked again.
 */
const lastLines = async (asked: Explained, pod: KubeObject): Promise<string[]> => {
  const { container } = asked.trouble
  const namespace = pod.metadata.namespace ?? ''
  const name = pod.metadata.name ?? ''
  if (container === undefined) return []
  for (const end = performance.now() + patienceMs; ; await pause(againMs)) {
    const previous = await logOf(asked, namespace, name, container, true).catch(() => [])
    if (previous !== undefined && previous.length > 0) return previous
    const current = await logOf(asked, namespace, name, container, false).catch(() => [])
    if (current !== undefined && current.length > 0) return current
    const mayCome = previous === undefined || current === undefined
    if (!mayCome || asked.signal.aborted || performance.now() > end) return []
  }
}

/** Events that say why, among those that only warn. */
const telling = /^(?:Failed|BackOff|Unhealthy|Evicted)/

/** The newest event about an object since the attempt began. */
const lastEvent = async ({ connection, since, signal }: Explained, object: KubeObject): Promise<ChainLink | undefined> => {
  const selector = encodeURIComponent(`involvedObject.uid=${object.metadata.uid ?? ''},type=Warning`)
  const path = `/api/v1/namespaces/${encodeURIComponent(object.metadata.namespace ?? '')}/events?fieldSelector=${selector}`
  const { objects } = await list(connection, path, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]))
  const timeOf = (event: KubeObject): number =>
    Date.parse(textAt(event, 'lastTimestamp') ?? textAt(event, 'eventTime') ?? event.metadata.creationTimestamp ?? '')
  const recent = objects.filter((event) => timeOf(event) >= since - 1000).sort((a, b) => timeOf(b) - timeOf(a))
  const newest = recent.find((event) => telling.test(textAt(event, 'reason') ?? '')) ?? recent[0]
  if (newest === undefined) return undefined
  return {
    kind: 'Event',
    name: textAt(newest, 'reason') ?? '',
    message: (textAt(newest, 'message') ?? '').replace(control, '?').slice(0, longestLine),
  }
}

const linkOf = (object: KubeObject, message = assess(object).message): ChainLink => ({
  kind: object.kind ?? '',
  name: object.metadata.name ?? '',
  message,
})

/** The object, what it made, and the pod that has the trouble. */
const chainOf = ({ view, ref, trouble }: Explained): { chain: ChainLink[]; pod: KubeObject | undefined } => {
  const namespace = ref.namespace ?? ''
  const top = view.find(ref).object
  if (top === undefined) return { chain: [{ kind: ref.kind ?? ref.resource, name: ref.name, message: trouble.message }], pod: undefined }
  const chain = [linkOf(top)]
  const set = top.kind === 'Deployment' ? newestReplicaSet(top, view.replicaSets(namespace)) : undefined
  if (set !== undefined) chain.push(linkOf(set))
  const pods = podsOf(top, view.replicaSets(namespace), view.pods(namespace))
  const pod =
    trouble.kind === 'Pod' ? pods.find((candidate) => candidate.metadata.name === trouble.name) : top.kind === 'Job' ? pods[0] : undefined
  if (pod !== undefined && top.kind !== 'Pod') chain.push(linkOf(pod))
  if (trouble.container !== undefined) chain.push({ kind: 'Container', name: trouble.container, message: trouble.message })
  return { chain, pod }
}

/** A failed Job's trouble is its pod's container. */
const containerOfJob = (pod: KubeObject): string | undefined => {
  const { containers } = (pod['spec'] ?? {}) as { containers?: readonly { name?: string }[] }
  return containers?.[0]?.name
}

/**
 * Why an object failed: the chain of causes down to the container and its last event, the last lines of its log, and one
 * sentence. What cannot be read is left out; an explanation never makes a verdict fail.
 */
export const explain = async (given: Explained): Promise<Failure> => {
  const { chain, pod } = chainOf(given)
  const container = given.trouble.container ?? (pod !== undefined && given.trouble.class === 'job_failed' ? containerOfJob(pod) : undefined)
  const asked = container === undefined ? given : { ...given, trouble: { ...given.trouble, container } }
  const subject = pod ?? given.view.find(given.ref).object
  const [event, last] = await Promise.all([
    subject === undefined ? undefined : lastEvent(asked, subject).catch(() => undefined),
    pod === undefined ? [] : lastLines(asked, pod),
  ])
  if (event !== undefined) chain.push(event)
  const { ref, trouble } = given
  return {
    class: trouble.class,
    sentence: `${ref.kind ?? ref.resource} ${ref.name}: ${trouble.message}`,
    object: ref,
    chain,
    lastLines: last,
  }
}
