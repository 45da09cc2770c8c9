import type { ClusterConnection } from '../model/ports.ts'
import type { ChainLink, Failure, FailureClass, KubeObject, ObjectRef } from '../model/verdict.ts'
import { endOf } from './assess/containers.ts'
import { numberAt, part, textAt } from './assess/fields.ts'
import { assess } from './assess/index.ts'
import { probeThatKilled, timeOfEvent } from './evidence.ts'
import type { Trouble } from './graces.ts'
import { lastLinesOf } from './last-lines.ts'
import { containersOf } from './pods.ts'
import { collectionPath, list } from './read.ts'
import { harmless } from './text.ts'
import type { View } from './view.ts'

const patienceMs = 5000

export interface Explained {
  readonly view: View
  readonly connection: ClusterConnection
  readonly ref: ObjectRef
  readonly trouble: Trouble
  /** Start of the attempt, ms since the epoch: older events say nothing of it. */
  readonly since: number
  readonly signal: AbortSignal
}

/** Events that say why, among those that only warn. */
const telling = /^(?:Failed|BackOff|Unhealthy|Evicted)/

/** The events about an object since the attempt began, the newest first. */
const eventsOf = async ({ connection, view, since, signal }: Explained, object: KubeObject): Promise<readonly KubeObject[]> => {
  const selector = encodeURIComponent(`involvedObject.uid=${object.metadata.uid ?? ''}`)
  const { namespace = 'default' } = object.metadata
  const path = `${collectionPath({ group: '', version: 'v1', resource: 'events', namespace })}?fieldSelector=${selector}`
  const { objects } = await list(connection, path, signal)
  const from = since + (view.clockSkew() ?? 0) - 2000
  return objects.filter((event) => timeOfEvent(event) >= from).sort((a, b) => timeOfEvent(b) - timeOfEvent(a))
}

/** The newest event that tells why; one about a probe where that is the trouble, since others follow from it. */
const tellingEvent = (events: readonly KubeObject[], found: FailureClass): ChainLink | undefined => {
  // That no volume fits a claim is told as a normal event, again and again (kube-controller-manager: FailedBinding).
  const warnings = events.filter((event) => textAt(event, 'type') === 'Warning' || textAt(event, 'reason') === 'FailedBinding')
  const reasons = (pattern: RegExp): KubeObject | undefined => warnings.find((event) => pattern.test(textAt(event, 'reason') ?? ''))
  const event = (found === 'probe_failing' ? reasons(/^Unhealthy$/) : undefined) ?? reasons(telling) ?? warnings[0]
  if (event === undefined) return undefined
  return { kind: 'Event', name: textAt(event, 'reason') ?? '', message: harmless(textAt(event, 'message') ?? '') }
}

/** A container that is killed for a failing probe looks like one that crashes. */
const withProbe = (trouble: Trouble, events: readonly KubeObject[]): Trouble => {
  const { container = '' } = trouble
  const probe = trouble.class === 'crash_loop' ? probeThatKilled(events, container) : undefined
  if (probe === undefined) return trouble
  return { ...trouble, class: 'probe_failing', message: `container ${container} is killed again and again: its ${probe} probe fails` }
}

const linkOf = (object: KubeObject, message = assess(object).message): ChainLink => ({
  kind: object.kind ?? '',
  name: object.metadata.name ?? '',
  message: harmless(message),
})

const createdAt = (object: KubeObject): number => Date.parse(object.metadata.creationTimestamp ?? '')

/** The pod that has the trouble; a failed Job's is the newest of its failed ones. */
const podOf = ({ trouble }: Explained, top: KubeObject, pods: readonly KubeObject[]): KubeObject | undefined => {
  if (top.kind === 'Pod') return top
  if (trouble.kind === 'Pod') return pods.find((pod) => pod.metadata.name === trouble.name)
  const failed = pods.filter((pod) => textAt(part(pod, 'status'), 'phase') === 'Failed')
  return (failed.length > 0 ? failed : pods).toSorted((a, b) => createdAt(b) - createdAt(a))[0]
}

/** The container that a failed pod's trouble is about: the first that ended badly, else the first that is not ready. */
const blamedContainer = (pod: KubeObject): { readonly name: string; readonly message: string } | undefined => {
  const containers = containersOf(pod)
  const exitCode = (container: (typeof containers)[number]): number =>
    numberAt(part(part(container, 'state'), 'terminated'), 'exitCode') ?? 0
  const blamed = containers.find((container) => exitCode(container) !== 0) ?? containers.find((container) => container['ready'] === false)
  return blamed === undefined ? undefined : { name: textAt(blamed, 'name') ?? '', message: endOf(blamed) }
}

interface Chain {
  readonly links: ChainLink[]
  /** What the last event is asked of. */
  readonly subject: KubeObject | undefined
  readonly pod: KubeObject | undefined
  readonly container: string | undefined
}

/** What the trouble is about, from the object that was deployed down to the container. */
const chainOf = (asked: Explained): Chain => {
  const { view, ref, trouble } = asked
  const top = view.find(ref).object
  if (top === undefined) {
    const link = { kind: ref.kind ?? ref.resource, name: ref.name, message: harmless(trouble.message) }
    return { links: [link], subject: undefined, pod: undefined, container: undefined }
  }
  const links = [linkOf(top)]
  const set = top.kind === 'Deployment' ? view.replicaSetOf(top) : undefined
  if (set !== undefined) links.push(linkOf(set))
  const pod = podOf(asked, top, view.podsOf(top))
  if (pod !== undefined && pod !== top)
    links.push(trouble.class === 'crash_loop' ? linkOf(pod, 'it is started again and again') : linkOf(pod))
  const blamed = trouble.kind === 'Pod' && top.kind !== 'Pod' ? undefined : pod && blamedContainer(pod)
  const container = trouble.container === undefined ? blamed : { name: trouble.container, message: trouble.message }
  if (container !== undefined) links.push({ kind: 'Container', name: container.name, message: harmless(container.message) })
  return { links, subject: pod ?? set ?? top, pod, container: container?.name }
}

/** Engines repeat themselves when an image cannot be pulled: the chain has it all. */
const longestSentence = 299

/** Troubles whose reason only an event has. */
const toldByEvent: Partial<Readonly<Record<FailureClass, RegExp>>> = {
  probe_failing: /^Unhealthy$/,
  volume_pending: /^(?:FailedBinding|ProvisioningFailed)$/,
}

/** One sentence that a person can act on. */
const sentenceOf = (ref: ObjectRef, trouble: Trouble, event: ChainLink | undefined): string => {
  const because = event !== undefined && toldByEvent[trouble.class]?.test(event.name) === true ? `: ${event.message}` : ''
  const [first = ''] = `${ref.kind ?? ref.resource} ${ref.name}: ${trouble.message}${because}`.split('\n', 1)
  return harmless(first, longestSentence)
}

/**
 * Why an object failed: the chain of causes down to the container and its last event, the last lines of its log, and one
 * sentence. What cannot be read within 5 s is left out; an explanation never makes a verdict fail.
 */
export const explain = async (given: Explained): Promise<Failure> => {
  const asked = { ...given, signal: AbortSignal.any([given.signal, AbortSignal.timeout(patienceMs)]) }
  const { links, subject, pod, container } = chainOf(asked)
  const [events, lastLines] = await Promise.all([
    subject === undefined ? [] : eventsOf(asked, subject).catch(() => []),
    pod === undefined || container === undefined ? [] : lastLinesOf(asked.connection, pod, container, asked.signal).catch(() => []),
  ])
  const trouble = withProbe(asked.trouble, events)
  const event = tellingEvent(events, trouble.class)
  if (event !== undefined) links.push(event)
  return { class: trouble.class, sentence: sentenceOf(asked.ref, trouble, event), object: asked.ref, chain: links, lastLines }
}
