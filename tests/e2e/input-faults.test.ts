import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'

const ask = useE2e()

/** A kubeconfig with a bearer token. */
const kubeconfig = (server: string, ca: string, token: string): string =>
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'local', context: { cluster: 'c', user: 'u' } }],
  })

const configMap = (name: string, more = ''): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${more}`

const deployment = (name: string, label: string, replicas: number): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  selector:
    matchLabels: { app: ${label} }
  template:
    metadata:
      labels: { app: ${label} }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: example.test/web:1
          resources:
            requests: { cpu: 10m, memory: 8Mi }
`

const chart = 'apiVersion: v2\nname: app\nversion: 1.0.0\n'

/** A server that only shakes hands. */
const tlsServer = async (cert: string, key: string): Promise<{ url: string; [Symbol.dispose](): void }> => {
  const server = createServer({ cert, key }, (socket) => socket.end()).on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.dispose]: () => void server.close() }
}

/** A port that was just free: nothing listens there. */
const deadPort = async (): Promise<number> => {
  const { certPem, keyPem } = createAuthority('nobody').issue({ commonName: 'nobody' })
  using server = await tlsServer(certPem, keyPem)
  return Number(new URL(server.url).port)
}

describe.concurrent('what is wrong with the target', () => {
  test('it is not known', async () => {
    const { folder, deploy } = ask()
    expectFault('unknown-target', await deploy(await folder({ 'map.yaml': configMap('map') }), 'nowhere'))
  })

  test('nothing listens at its address', async () => {
    const { addTarget, folder, deploy, cluster } = ask()
    const config = kubeconfig(`https://127.0.0.1:${await deadPort()}`, cluster.caPem, 'token')
    const target = await addTarget({ kubeconfig: config, namespaces: ['default'] })
    expectFault('unreachable', await deploy(await folder({ 'map.yaml': configMap('map') }), target))
  })

  test('its certificate is signed by another authority', async () => {
    const { addTarget, folder, deploy, cluster } = ask()
    const config = kubeconfig(cluster.server, createAuthority('another').certPem, 'token')
    const target = await addTarget({ kubeconfig: config, namespaces: ['default'] })
    expectFault('wrong-ca', await deploy(await folder({ 'map.yaml': configMap('map') }), target))
  })

  test('its certificate has expired', async () => {
    const { addTarget, folder, deploy } = ask()
    const authority = createAuthority('test-ca')
    const { certPem, keyPem } = authority.issue({ commonName: 'server', hosts: ['127.0.0.1'], notAfter: new Date('2024-01-01') })
    using server = await tlsServer(certPem, keyPem)
    const target = await addTarget({ kubeconfig: kubeconfig(server.url, authority.certPem, 'token'), namespaces: ['default'] })
    expectFault('expired-certificate', await deploy(await folder({ 'map.yaml': configMap('map') }), target))
  })

  test('it refuses the credential', async () => {
    const { addTarget, folder, deploy, cluster } = ask()
    const config = kubeconfig(cluster.server, cluster.caPem, 'not-a-token-of-this-cluster')
    const target = await addTarget({ kubeconfig: config, namespaces: ['default'] })
    const ran = await deploy(await folder({ 'map.yaml': configMap('map') }), target)
    expectFault('unauthorized', ran)
    expect(ran.stdout + ran.stderr).not.toContain('not-a-token-of-this-cluster')
  })

  test('its account has no rights', async () => {
    const { place, addTarget, folder, deploy, cluster } = ask()
    const { namespace } = await place()
    const token = await cluster.serviceAccountToken(namespace, 'powerless')
    const target = await addTarget({ kubeconfig: kubeconfig(cluster.server, cluster.caPem, token), namespaces: [namespace] })
    const detail = expectFault('forbidden', await deploy(await folder({ 'map.yaml': configMap('map') }), target))
    expect(detail?.jobs[0]?.end?.sentence).toContain(`system:serviceaccount:${namespace}:powerless`)
  })
})

describe.concurrent('what is wrong with the package', () => {
  test('a folder without an object', async () => {
    const { folder, deploy } = ask()
    expectFault('empty-folder', await deploy(await folder({ 'README.md': '# nothing\n' }), 'nowhere'))
  })

  test('a file that is not YAML', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const files = { 'map.yaml': configMap('map'), 'broken.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: [\n' }
    expectFault('invalid-yaml', await deploy(await folder(files), target))
  })

  test('an object outside the allowed namespaces', async () => {
    const { place, folder, deploy, cluster } = ask()
    const { target } = await place()
    const other = await place()
    const detail = expectFault(
      'other-namespace',
      await deploy(await folder({ 'map.yaml': configMap('map', `  namespace: ${other.namespace}\n`) }), target),
    )
    expect(detail?.jobs[0]?.end?.sentence).toContain(other.namespace)
    expect((await cluster.api('GET', `/api/v1/namespaces/${other.namespace}/configmaps/map`)).status).toBe(404)
  })

  test('a hook outside the allowed namespaces', async () => {
    const { place, folder, deploy, cluster } = ask()
    const { target } = await place()
    const other = await place()
    const hook = configMap('hook', `  namespace: ${other.namespace}\n  annotations: { helm.sh/hook: pre-install }\n`)
    const path = await folder({ 'Chart.yaml': chart, 'templates/map.yaml': configMap('map'), 'templates/hook.yaml': hook })
    const detail = expectFault('hook-other-namespace', await deploy(path, target, '--helm', 'app'))
    expect(detail?.jobs[0]?.end?.sentence).toContain(other.namespace)
    expect((await cluster.api('GET', `/api/v1/namespaces/${other.namespace}/configmaps/hook`)).status).toBe(404)
  })

  test('a chart that does not render', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const path = await folder({ 'Chart.yaml': chart, 'templates/deploy.yaml': configMap('{{ required "name is missing" .Values.name }}') })
    expectFault('bad-chart', await deploy(path, target, '--helm', 'app'))
  })

  test('a CRD and an object of its kind in one folder', async () => {
    const { place, addTarget, folder, deploy, cluster } = ask()
    const { namespace } = await place()
    // The kind bears the namespace's name, so that tests do not meet in this cluster-wide object.
    const plural = `gadgets-${namespace}`
    const group = 'faults.example.test'
    const target = await addTarget({ namespaces: [namespace], grants: ['cluster-scoped-writes'] })
    const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${plural}.${group}
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: ${plural}, singular: ${plural}-one, kind: Gadget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`
    const gadget = `apiVersion: ${group}/v1\nkind: Gadget\nmetadata:\n  name: one\n`
    expectFault('crd-and-cr', await deploy(await folder({ 'a-gadget.yaml': gadget, 'b-crd.yaml': crd }), target))
    expect((await cluster.api('GET', `/apis/${group}/v1/namespaces/${namespace}/${plural}/one`)).status).toBe(200)
    await cluster.api('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`)
  })
})

describe.concurrent('what the cluster does not take', () => {
  test('a change of an immutable field', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place({ settle: 0 })
    expect(await deploy(await folder({ 'web.yaml': deployment('web', 'before', 0) }), target)).toMatchObject({ code: 0 })
    expectFault('immutable-field', await deploy(await folder({ 'web.yaml': deployment('web', 'after', 0) }), target))
  })

  test('a field that its kind does not have', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const typo = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: [{ port: 80, targetPrt: 8080 }]\n'
    expectFault('unknown-field', await deploy(await folder({ 'web.yaml': typo }), target))
  })

  test('an object beyond the quota', async () => {
    const { place, folder, deploy, cluster } = ask()
    const { namespace, target } = await place()
    await cluster.kubectl('create', 'quota', 'few', '--hard=count/services=0', '--namespace', namespace)
    // Until its controller has counted, the API server says that the state of a quota is unknown.
    await eventually(async () =>
      (await cluster.api('GET', `/api/v1/namespaces/${namespace}/resourcequotas/few/status`)).body.includes('"used"'),
    )
    const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: [{ port: 80 }]\n'
    expectFault('quota', await deploy(await folder({ 'web.yaml': service }), target))
  })

  test('no replicas are wanted', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    expectFault('zero-replicas', await deploy(await folder({ 'web.yaml': deployment('web', 'web', 0) }), target))
  })
})
