import { expect, test } from 'vitest'
import { containerPlace, environmentIn, stepEnvironment } from './kubeconfig.ts'

test('the place of an execution container changes nothing', () => {
  expect(environmentIn(containerPlace, stepEnvironment)).toEqual(stepEnvironment)
})

test('elsewhere every path below the working directory is taken along, and nothing that only looks like one', () => {
  const env = { ...stepEnvironment, HELM_CACHE_HOME: '/work/.helm/cache', HELM_NAMESPACE: 'work', OTHER: '/workshop' }
  expect(environmentIn({ folder: '/tmp/job-1', path: '/opt/bin:/bin' }, env)).toEqual({
    PATH: '/opt/bin:/bin',
    HOME: '/tmp/job-1',
    TMPDIR: '/tmp/job-1',
    KUBECONFIG: '/tmp/job-1/kubeconfig',
    HELM_CACHE_HOME: '/tmp/job-1/.helm/cache',
    HELM_NAMESPACE: 'work',
    OTHER: '/workshop',
  })
})
