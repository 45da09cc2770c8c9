import type { E2e } from './e2e-stack.ts'

/** A chart whose upgrade waits some 6 s for a hook: helm is at work meanwhile, and its release pending. */
export const hookedChart = (version: number): Readonly<Record<string, string>> => ({
  'Chart.yaml': `apiVersion: v2\nname: hooked\nversion: 0.0.${version}\n`,
  'templates/hook.yaml': JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', annotations: { 'helm.sh/hook': 'pre-upgrade' } },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'main',
              image: 'example.test/busybox:1',
              imagePullPolicy: 'IfNotPresent',
              command: ['/bin/sh', '-c', 'sleep 6'],
            },
          ],
        },
      },
    },
  }),
  'templates/map.yaml': JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'state' },
    data: { version: `${version}` },
  }),
})

/** Whether the hook of an upgrade was made. */
export const isHookMade = async ({ cluster }: Pick<E2e, 'cluster'>, namespace: string): Promise<boolean> =>
  (await cluster.api('GET', `/apis/batch/v1/namespaces/${namespace}/jobs/migrate`)).status === 200

/** The status of each revision of the namespace's releases, sorted. */
export const releaseStatuses = async ({ cluster }: Pick<E2e, 'cluster'>, namespace: string): Promise<(string | undefined)[]> => {
  const { body } = await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=owner%3Dhelm`)
  const { items } = JSON.parse(body) as { items: { metadata: { labels?: Record<string, string> } }[] }
  return items.map(({ metadata }) => metadata.labels?.['status']).sort()
}
