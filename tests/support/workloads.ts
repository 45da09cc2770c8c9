/** A container of a test's pod, as briefly as it can be said. */
export interface Container {
  readonly name?: string
  readonly image?: string
  /** A line of shell; the image's own command when absent. */
  readonly script?: string
  readonly readinessProbe?: object
  /** Any other field of a container. */
  readonly more?: object
}

const containerOf = ({ name = 'main', image = 'example.test/busybox:1', script, readinessProbe, more = {} }: Container): object => ({
  name,
  image,
  imagePullPolicy: 'IfNotPresent',
  ...(script === undefined ? {} : { command: ['/bin/sh', '-c', script] }),
  ...(readinessProbe === undefined ? {} : { readinessProbe }),
  ...more,
})

/** The spec of a pod that ends within a second. @param more any other field of it */
export const podOf = (containers: readonly Container[], initContainers: readonly Container[] = [], more: object = {}): object => ({
  terminationGracePeriodSeconds: 1,
  containers: containers.map(containerOf),
  initContainers: initContainers.map(containerOf),
  ...more,
})

/** A Deployment of one pod, as the text of a file. JSON is YAML. */
export const deploymentOf = (name: string, pod: object): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: pod },
    },
  })
