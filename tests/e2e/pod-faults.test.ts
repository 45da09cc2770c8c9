import { describe, expect, test } from 'vitest'
import type { FailureClass } from '../../src/model/verdict.ts'
import type { CliResult } from '../support/cli.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf, expectFault } from '../support/faults.ts'
import { type Container, deploymentOf, podOf } from '../support/workloads.ts'

/** Pods are refused or held up for as long as a grace lasts: many wait at once. */
const ask = useE2e({ env: { TELPHER_CONCURRENCY: '10' } })

const web: Container = { name: 'web', image: 'example.test/web:1' }
const never = (periodSeconds = 1): object => ({ exec: { command: ['/bin/false'] }, periodSeconds, failureThreshold: 1 })
/** Long enough that what is wrong shows, and not waited out. */
const soon = ['--deadline', '20s']

/** What a pod's spec comes to: the row, the class of the failure, and what its sentence names besides. */
interface Case {
  readonly id: string
  readonly class: FailureClass
  readonly names: string
  readonly pod: object
  readonly flags?: readonly string[]
}

const cases: readonly Case[] = [
  {
    id: 'init-crash',
    class: 'crash_loop',
    names: 'init container prepare',
    pod: podOf([web], [{ name: 'prepare', script: 'echo no schema; exit 1' }]),
  },
  {
    id: 'sidecar-crash',
    class: 'crash_loop',
    names: 'sidecar proxy',
    pod: podOf([web], [{ name: 'proxy', script: 'exit 2', more: { restartPolicy: 'Always' } }]),
  },
  {
    id: 'startup-probe',
    class: 'probe_failing',
    names: 'container web',
    pod: podOf([{ ...web, more: { startupProbe: never() } }]),
  },
  {
    id: 'liveness-probe',
    class: 'probe_failing',
    names: 'container web',
    pod: podOf([{ ...web, more: { livenessProbe: never() } }]),
  },
  {
    id: 'readiness-probe',
    class: 'probe_failing',
    names: 'Readiness probe failed',
    pod: podOf([{ ...web, readinessProbe: never() }]),
    flags: soon,
  },
  {
    id: 'no-configmap',
    class: 'container_config',
    names: '"settings"',
    pod: podOf([{ ...web, more: { envFrom: [{ configMapRef: { name: 'settings' } }] } }]),
  },
  {
    id: 'no-secret',
    class: 'container_config',
    names: '"password"',
    pod: podOf([{ ...web, more: { env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'password', key: 'p' } } }] } }]),
  },
  {
    id: 'no-configmap-volume',
    class: 'container_config',
    names: '"settings"',
    pod: podOf([{ ...web, more: { volumeMounts: [{ name: 'v', mountPath: '/v' }] } }], [], {
      volumes: [{ name: 'v', configMap: { name: 'settings' } }],
    }),
  },
  {
    id: 'no-service-account',
    class: 'container_config',
    names: '"deployer"',
    pod: podOf([web], [], { serviceAccountName: 'deployer' }),
  },
  {
    id: 'unschedulable',
    class: 'unschedulable',
    names: 'node affinity/selector',
    pod: podOf([web], [], { nodeSelector: { disk: 'gold' } }),
    flags: soon,
  },
  {
    id: 'no-claim',
    class: 'volume_pending',
    names: '"absent"',
    pod: podOf([web], [], { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'absent' } }] }),
    flags: soon,
  },
  {
    id: 'out-of-memory',
    class: 'crash_loop',
    names: 'container main',
    pod: podOf([{ script: 'exec tail /dev/zero', more: { resources: { limits: { memory: '24Mi' } } } }]),
  },
]

/** The sentence that the failure has is one line that a person can read at once. */
const expectFailure = (id: string, ran: CliResult, expected: Pick<Case, 'class' | 'names'>): void => {
  const failure = expectFault(id, ran)?.jobs[0]?.failure
  expect(failure?.class).toBe(expected.class)
  expect(failure?.sentence).toContain(expected.names)
  expect(failure?.sentence).not.toContain('\n')
  expect(failure?.sentence.length).toBeLessThanOrEqual(300)
}

describe.concurrent('what keeps a pod from running', () => {
  test.for(cases)('$id', async ({ id, pod, flags = [], ...expected }) => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const path = await folder({ 'app.yaml': deploymentOf('app', pod) })
    expectFailure(id, await deploy(path, target, '--name', id, ...flags), expected)
  })

  test('a claim that nothing provides', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }
    const pod = podOf([web], [], { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] })
    const path = await folder({ 'app.yaml': deploymentOf('app', pod), 'claim.yaml': JSON.stringify(claim) })
    expectFailure('claim-pending', await deploy(path, target, ...soon), { class: 'volume_pending', names: 'PersistentVolumeClaim data' })
  })

  test('pods that break the security rules of the namespace', async () => {
    const { place, folder, deploy, cluster } = ask()
    const { namespace, target } = await place()
    await cluster.kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted')
    const path = await folder({ 'app.yaml': deploymentOf('app', podOf([web])) })
    expectFailure('pod-security', await deploy(path, target), { class: 'admission_denied', names: 'PodSecurity' })
  })

  test('an object that a policy of the cluster denies', async () => {
    const { place, folder, deploy, cluster } = ask()
    const { namespace, target } = await place()
    const name = `no-maps-${namespace}`
    const selector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } }
    await cluster.apply(
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name },
        spec: {
          matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }] },
          validations: [{ expression: 'false', message: 'maps are made by the platform team' }],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector: selector } },
      },
    )
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map' } }
    const path = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`
    await eventually(async () => (await cluster.api('POST', path, map)).status === 422)
    const detail = expectFault('admission-denied', await deploy(await folder({ 'map.json': JSON.stringify(map) }), target))
    expect(detail?.jobs[0]?.end?.sentence).toContain('maps are made by the platform team')
    await cluster.kubectl('delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', name)
  })

  test('an account that may not create what the folder has', async () => {
    const { place, addTarget, folder, deploy, cluster } = ask()
    const { namespace } = await place()
    const token = await cluster.serviceAccountToken(namespace, 'reader')
    await cluster.kubectl('create', 'rolebinding', 'reader', '--clusterrole=view', `--serviceaccount=${namespace}:reader`, '-n', namespace)
    const config = {
      clusters: [
        { name: 'c', cluster: { server: cluster.server, 'certificate-authority-data': Buffer.from(cluster.caPem).toString('base64') } },
      ],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'local', context: { cluster: 'c', user: 'u' } }],
    }
    const target = await addTarget({ kubeconfig: JSON.stringify(config), namespaces: [namespace] })
    const ran = await deploy(await folder({ 'app.yaml': deploymentOf('app', podOf([web])) }), target)
    expectFault('forbidden', ran)
    expect(detailOf(ran).jobs[0]?.end?.sentence).toMatch(/cannot patch resource "deployments"/)
  })
})
