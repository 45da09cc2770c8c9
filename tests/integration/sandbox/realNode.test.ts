import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'

const pod = (namespace: string, name: string, container: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', ...container }] },
})

test('pods serve, crash and fail to pull as on any cluster; exec and logs work', async () => {
  const cluster = await sharedCluster('real')
  const namespace = await freshNamespace(cluster)
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(`--namespace=${namespace}`, ...args)
  await cluster.apply(
    pod(namespace, 'web', { image: 'example.test/web:1', readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 } }),
    pod(namespace, 'crash', { image: 'example.test/busybox:1', command: ['sh', '-c', 'echo the last words; exit 3'] }),
    pod(namespace, 'missing', { image: 'example.test/nothing:1' }),
  )
  await kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s')
  expect(await kubectl('exec', 'web', '--', 'wget', '-qO-', 'http://127.0.0.1:8080/')).toBe('hello from web:1')
  expect(await kubectl('logs', 'web')).toContain('listening on 8080')
  const reason = (name: string, state: string): Promise<string> =>
    kubectl('get', `pod/${name}`, `--output=jsonpath={.status.containerStatuses[0].${state}}`)
  await eventually(async () => (await reason('crash', 'restartCount')) !== '0')
  expect(await kubectl('logs', 'crash')).toBe('the last words')
  await eventually(async () => /ErrImagePull|ImagePullBackOff/.test(await reason('missing', 'state.waiting.reason')))
})
