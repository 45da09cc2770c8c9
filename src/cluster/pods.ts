import type { KubeObject } from '../model/verdict.ts'
import { conditionOf, listAt, numberAt, part, textAt } from './assess/fields.ts'
import type { Graces, Trouble } from './graces.ts'

type Fields = Readonly<Record<string, unknown>>

const pullReasons: readonly string[] = ['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable', 'ImageInspectError']
const hopelessImage: readonly string[] = ['InvalidImageName', 'ErrImageNeverPull']
const configReasons: readonly string[] = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']

/** Engines repeat themselves over many lines; with the names around it the sentence stays below 300 characters. */
const brief = (message: string): string => {
  const line = message.split('\n', 1)[0] ?? ''
  return line.length > 160 ? `${line.slice(0, 159)}…` : line
}

export const containersOf = (pod: KubeObject): readonly Fields[] => {
  const status = part(pod, 'status')
  return [...listAt(status, 'initContainerStatuses'), ...listAt(status, 'containerStatuses')]
}

const imageOf = (pod: KubeObject, container: string): string => {
  const spec = part(pod, 'spec')
  const found = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')].find((entry) => entry['name'] === container)
  return textAt(found ?? {}, 'image') ?? ''
}

/** What a crashed container left: its exit code, or that it ran out of memory. */
const lastEnd = (container: Fields): string => {
  const terminated = part(part(container, 'lastState'), 'terminated')
  const now = part(part(container, 'state'), 'terminated')
  const ended = textAt(terminated, 'reason') === undefined ? now : terminated
  if (textAt(ended, 'reason') === 'OOMKilled') return 'it ran out of memory'
  return `its last exit code was ${numberAt(ended, 'exitCode') ?? 'unknown'}`
}

const containerTrouble = (pod: KubeObject, container: Fields, restartsBefore: number, graces: Graces): Trouble | undefined => {
  const name = textAt(container, 'name') ?? ''
  const waiting = part(part(container, 'state'), 'waiting')
  const reason = textAt(waiting, 'reason') ?? ''
  const said = brief(textAt(waiting, 'message') ?? reason)
  const at = { kind: 'Pod', name: pod.metadata.name ?? '', container: name }
  const image = imageOf(pod, name)
  if (hopelessImage.includes(reason))
    return { ...at, class: 'image_pull', graceMs: 0, message: `the image ${image} cannot be used: ${said}` }
  if (pullReasons.includes(reason))
    return { ...at, class: 'image_pull', graceMs: graces.imagePull, message: `the image ${image} cannot be pulled: ${said}` }
  if (configReasons.includes(reason))
    return { ...at, class: 'container_config', graceMs: graces.containerConfig, message: `container ${name} cannot be created: ${said}` }
  const restarts = (numberAt(container, 'restartCount') ?? 0) - restartsBefore
  const runsOnce = textAt(part(pod, 'spec'), 'restartPolicy') !== 'Always'
  if (!runsOnce && restarts >= graces.restarts)
    return {
      ...at,
      class: 'crash_loop',
      graceMs: 0,
      message: `container ${name} keeps crashing: ${restarts} restarts, ${lastEnd(container)}`,
    }
  return undefined
}

const unscheduled = (pod: KubeObject, graces: Graces): Trouble | undefined => {
  const scheduled = conditionOf(pod, 'PodScheduled')
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined
  const volume = /persistentvolumeclaim/i.test(scheduled.message ?? '')
  return {
    class: volume ? 'volume_pending' : 'unschedulable',
    kind: 'Pod',
    name: pod.metadata.name ?? '',
    message: `no node takes it: ${scheduled.message ?? ''}`,
    graceMs: graces.unschedulable,
  }
}

/**
 * The first trouble of a pod, init containers first.
 * @param restartsBefore restarts of a container that the attempt found when it began
 */
export const troubleOfPod = (pod: KubeObject, restartsBefore: (container: string) => number, graces: Graces): Trouble | undefined => {
  for (const container of containersOf(pod)) {
    const trouble = containerTrouble(pod, container, restartsBefore(textAt(container, 'name') ?? ''), graces)
    if (trouble !== undefined) return trouble
  }
  return unscheduled(pod, graces)
}

/** Containers without a readiness probe count as ready the moment they start: they have to prove themselves in time. */
export const hasUnprobed = (workload: KubeObject): boolean => {
  const spec = part(workload, 'spec')
  if ((numberAt(spec, 'minReadySeconds') ?? 0) > 0) return false
  const template = workload.kind === 'Pod' ? spec : part(part(spec, 'template'), 'spec')
  return listAt(template, 'containers').some((container) => container['readinessProbe'] === undefined)
}

/** Which container instances run, as one text: it changes with every restart and every new pod. */
export const instancesOf = (pods: readonly KubeObject[]): string =>
  pods
    .flatMap((pod) =>
      containersOf(pod).map(
        (container) =>
          `${pod.metadata.uid} ${textAt(container, 'name')} ${textAt(container, 'containerID') ?? ''} ${numberAt(container, 'restartCount') ?? 0}`,
      ),
    )
    .sort()
    .join('\n')

/** When the youngest running container began, ms since the epoch by the node's clock; undefined when one does not run. */
export const youngestStart = (pods: readonly KubeObject[]): number | undefined => {
  let youngest = 0
  for (const pod of pods)
    for (const container of listAt(part(pod, 'status'), 'containerStatuses')) {
      const started = Date.parse(textAt(part(part(container, 'state'), 'running'), 'startedAt') ?? '')
      if (Number.isNaN(started)) return undefined
      youngest = Math.max(youngest, started)
    }
  return youngest
}
