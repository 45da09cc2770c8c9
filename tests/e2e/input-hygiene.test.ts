import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'
import { startProxy } from '../integration/cluster/proxy.ts'
import type { CliResult } from '../support/cli.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { detailOf, expectFault } from '../support/faults.ts'

const ask = useE2e()

const configMap = (name: string, more = ''): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${more}`
const chart = 'apiVersion: v2\nname: app\nversion: 1.0.0\n'
const bomb = 'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n'

/** Files as editors of all systems write them. */
const deployBytes = async (files: Readonly<Record<string, Buffer>>, target: string, ...more: string[]): Promise<CliResult> => {
  const { folder, deploy } = ask()
  const path = await folder({})
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(path, name), bytes)
  return deploy(path, target, ...more)
}

describe.concurrent('files that are refused before anything starts', () => {
  test.for([
    ['duplicate-key', { 'map.yaml': configMap('map', 'kind: Secret\n') }],
    ['alias-bomb', { 'map.yaml': bomb }],
    ['twice', { 'a.yaml': configMap('map'), 'b.yaml': configMap('map') }],
    ['generate-name', { 'pod.yaml': 'apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: job-\n' }],
    ['no-name', { 'map.yaml': `${configMap('map')}---\napiVersion: v1\nkind: ConfigMap\n` }],
    ['object-too-large', { 'map.yaml': configMap('big', `data:\n  all: ${randomBytes(600 * 1024).toString('hex')}\n`) }],
  ] as const)('%s', async ([id, files]) => {
    const { folder, deploy } = ask()
    // There is no such target: nothing is asked of the server.
    expectFault(id, await deploy(await folder(files), 'nowhere'))
  })

  test('UTF-16 that does not say so', async () => {
    expectFault('no-text', await deployBytes({ 'map.yaml': Buffer.from(configMap('map'), 'utf16le') }, 'nowhere'))
  })

  test('a namespace against that of the command', async () => {
    const { folder, deploy } = ask()
    const path = await folder({ 'map.yaml': configMap('map', '  namespace: other\n') })
    expectFault('against-namespace', await deploy(path, 'nowhere', '--namespace', 'shop'))
  })

  test('values that are no map', async () => {
    const { folder, deploy } = ask()
    const path = await folder({ 'Chart.yaml': chart, 'my-values.yaml': '- replicas: 2\n' })
    const ran = await deploy(path, 'nowhere', '--helm', 'app', '--values', join(path, 'my-values.yaml'))
    expectFault('values-no-map', ran)
    expect(ran.stderr).toContain('my-values.yaml:1:')
  })

  test('a release whose name is too long', async () => {
    const { folder, deploy } = ask()
    expectFault('long-release', await deploy(await folder({ 'Chart.yaml': chart }), 'nowhere', '--helm', 'a'.repeat(54)))
  })

  test.for(['Staging', 'eu:staging'])('a target that is called %s', async (name) => {
    const { cli, cluster } = ask()
    expectFault('target-name', await cli('target', 'add', name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig))
  })
})

describe.concurrent('files that are taken', () => {
  test('whatever the editor made of their text', async () => {
    const { place, cluster } = ask()
    const { namespace, target } = await place()
    const data = (text: string): string => `data:\n  text: ${text}\n`
    const files = {
      'bom.yaml': Buffer.from(`\uFEFF${configMap('bom', data('grün'))}`),
      'crlf.yaml': Buffer.from(configMap('crlf', data('grün')).replaceAll('\n', '\r\n')),
      'utf16.yaml': Buffer.from(`\uFEFF${configMap('utf16', data('grün'))}`, 'utf16le'),
    }
    expectFault('encodings', await deployBytes(files, target))
    for (const name of ['bom', 'crlf', 'utf16']) {
      const { body } = await cluster.api('GET', `/api/v1/namespaces/${namespace}/configmaps/${name}`)
      expect(JSON.parse(body)).toMatchObject({ data: { text: 'grün' } })
    }
  })

  test('five thousand objects, each written once', async () => {
    const { place, deploy, folder, cluster } = ask()
    const { namespace, target } = await place()
    const files = Array.from({ length: 10 }, (_, file) => {
      const maps = Array.from({ length: 500 }, (_, index) => configMap(`map-${file}-${index}`, 'data:\n  a: b\n'))
      return [`maps-${file}.yaml`, maps.join('---\n')]
    })
    expectFault('many-objects', await deploy(await folder(Object.fromEntries(files)), target))
    const writes = (await readFile(cluster.auditLog, 'utf8')).split('\n').filter((line) => line.includes(`"namespace":"${namespace}"`))
    expect(writes.filter((line) => line.includes('"resource":"configmaps"') && line.includes('"name":"map-'))).toHaveLength(5000)
  })

  test('a chart that needs another Kubernetes says so', async () => {
    const { place, folder, deploy } = ask()
    const { target } = await place()
    const files = { 'Chart.yaml': `${chart}kubeVersion: ">= 9.0.0"\n`, 'templates/map.yaml': configMap('map') }
    const detail = expectFault('kube-version', await deploy(await folder(files), target, '--helm', 'app'))
    expect(detail?.jobs[0]?.end?.sentence).toContain('>= 9.0.0')
  })
})

describe.concurrent('what stands between us and the API server', () => {
  test('an address of IPv6', async () => {
    const { place, addTarget, folder, deploy, cli, cluster } = ask()
    const { namespace } = await place()
    const proxy = await startProxy(Number(new URL(cluster.server).port), '::1')
    try {
      const server = `https://[::1]:${proxy.port}`
      const kubeconfig = (await readFile(cluster.kubeconfig, 'utf8')).replace(cluster.server, server)
      const target = await addTarget({ kubeconfig, namespaces: [namespace] })
      const checked = await cli('target', 'check', target)
      expect(checked.code, checked.stdout).toBe(0)
      expect(checked.stdout).toContain(`[::1]:${proxy.port}`)
      expectFault('ipv6', await deploy(await folder({ 'map.yaml': configMap('map') }), target))
      expect(proxy.accepted()).toBeGreaterThan(0)
    } finally {
      await proxy.stop()
    }
  })

  test('the login page of a network', async () => {
    const { addTarget, folder, deploy, cli } = ask()
    const authority = createAuthority('hotel')
    const { certPem: cert, keyPem: key } = authority.issue({ commonName: 'portal', hosts: ['127.0.0.1'] })
    const portal = createServer({ cert, key }, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><head><title>Hotel WiFi</title></head></html>')
    })
    await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve))
    try {
      const host = `127.0.0.1:${(portal.address() as AddressInfo).port}`
      const kubeconfig = JSON.stringify({
        clusters: [
          {
            name: 'c',
            cluster: { server: `https://${host}`, 'certificate-authority-data': Buffer.from(authority.certPem).toString('base64') },
          },
        ],
        users: [{ name: 'u', user: { token: 'token' } }],
        contexts: [{ name: 'local', context: { cluster: 'c', user: 'u' } }],
      })
      const target = await addTarget({ kubeconfig, namespaces: ['default'] })
      const detail = expectFault('captive-portal', await deploy(await folder({ 'map.yaml': configMap('map') }), target))
      const sentence = `what answers at ${host} is no Kubernetes API: it sent a web page (status 200, "Hotel WiFi")`
      expect(detail?.jobs[0]?.end?.sentence).toContain(sentence)
      const checked = await cli('target', 'check', target)
      expect(checked.code).toBe(10)
      expect(checked.stdout).toContain(sentence)
    } finally {
      portal.close()
    }
  })

  test('terminal escapes in what helm prints', async () => {
    const { place, folder, cli, deploy } = ask()
    const { target } = await place()
    const notes = 'title \u001b]0;owned\u0007 clear \u001b[2J\u001b[H back \rspoofed \u202egnp.exe \u009b31m end\n'
    const path = await folder({ 'Chart.yaml': chart, 'templates/map.yaml': configMap('map'), 'templates/NOTES.txt': notes })
    const ran = await cli('deploy', path, '--target', target, '--helm', 'app')
    expect(ran.code, ran.stderr).toBe(0)
    const { id } = detailOf(await deploy(path, target, '--helm', 'app')).deployment
    const logs = await cli('logs', id)
    for (const { stdout, stderr } of [ran, logs]) expect(stdout + stderr).toBe(stripVTControlCharacters(stdout + stderr))
    for (const text of [ran.stdout + ran.stderr, logs.stdout]) {
      expect(text).toContain('spoofed')
      expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
    }
  })
})
