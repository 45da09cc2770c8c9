import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { binaryPath } from '../../../src/sandbox/setup/binaries.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { adminOf, type OpenGate, openGate, trustOf } from './harness.ts'

let cluster: Cluster
let namespace: string
let folder: string
let opened: OpenGate

const pod = (name: string, image: string, command?: readonly string[]): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image, imagePullPolicy: 'Never', ...(command === undefined ? {} : { command }) }],
  },
})

beforeAll(async () => {
  cluster = await sharedCluster('real')
  namespace = await freshNamespace(cluster)
  folder = await mkdtemp(join(tmpdir(), 'telpher-gate-streams-'))
  opened = await openGate(trustOf(cluster), adminOf(cluster), { policy: { namespaces: [namespace] } })
  await eventually(async () => (await cluster.api('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`)).status === 200)
  await cluster.apply(
    pod('box', 'example.test/busybox:1', ['sh', '-c', 'i=0; while true; do echo tick $i; i=$((i+1)); sleep 1; done']),
    pod('web', 'example.test/web:1'),
  )
  await cluster.kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/box', 'pod/web', '--timeout=90s')
})
afterAll(async () => {
  await opened?.stop()
  await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false')
  await rm(folder, { recursive: true, force: true })
})

const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test.each(['true', 'false'])(
  'exec in both directions, byte for byte and with its exit code (WebSocket %s, else SPDY)',
  async (webSockets) => {
    const env = { KUBECONFIG: opened.kubeconfig, HOME: folder, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets }
    const exec = (input: Uint8Array, ...command: readonly string[]) =>
      execa(binaryPath('kubectl'), ['exec', '-i', '-n', namespace, 'box', '--', ...command], {
        env,
        input,
        encoding: 'buffer',
        reject: false,
      })
    const sent = randomBytes(3_000_000)
    const counted = await exec(sent, 'sh', '-c', `head -c ${sent.length} | sha256sum; exit 7`)
    expect(Buffer.from(counted.stdout).toString()).toContain(sum(sent))
    expect(counted.exitCode).toBe(7)
    const received = await exec(new Uint8Array(), 'sh', '-c', 'head -c 20000000 /dev/zero')
    expect(received.exitCode).toBe(0)
    expect(sum(received.stdout)).toBe(sum(Buffer.alloc(20_000_000)))
    await opened.gate.settled()
    expect(opened.stored.at(-1)).toMatchObject({
      verb: 'connect',
      resource: 'pods',
      subresource: 'exec',
      name: 'box',
      namespace,
      code: 101,
    })
  },
)

test('cp there and back', async () => {
  const bytes = randomBytes(2_000_000)
  await writeFile(join(folder, 'there'), bytes)
  expect(await opened.kubectl('cp', '-n', namespace, join(folder, 'there'), 'box:/tmp/there')).toMatchObject({ code: 0 })
  expect(await opened.kubectl('cp', '-n', namespace, 'box:/tmp/there', join(folder, 'back'))).toMatchObject({ code: 0 })
  expect(sum(await readFile(join(folder, 'back')))).toBe(sum(bytes))
})

test('logs -f goes on until its pod ends', async () => {
  const following = opened.start('logs', '-f', '-n', namespace, 'box')
  let seen = ''
  following.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
  })
  const ticks = (): number => seen.split('tick').length
  await eventually(() => ticks() > 1)
  const before = ticks()
  await eventually(() => ticks() > before + 1)
  following.kill()
  await following
})

test('port-forward carries requests, and each counts as a write that is open', async () => {
  const forwarding = opened.start('port-forward', '-n', namespace, 'pod/web', ':8080')
  let said = ''
  forwarding.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const port = await eventually(() => /127\.0\.0\.1:(\d+)/.exec(said)?.[1])
  for (let n = 0; n < 5; n++) expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200)
  expect(opened.gate.openWrites()).toBe(1)
  forwarding.kill()
  await forwarding
  await eventually(() => opened.gate.openWrites() === 0)
})

test('an exec into another namespace is refused, and kubectl prints why', async () => {
  const ran = await opened.kubectl('exec', '-n', 'kube-system', 'box', '--', 'true')
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('in namespace kube-system is refused')
})

test('a stream is refused at the tunnel too', async () => {
  const path = `/n0nce/api/v1/namespaces/kube-system/pods/box/exec?command=true&stdout=true`
  const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = dial(opened.port, '127.0.0.1', () => socket.write(head))
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    socket.on('end', () => resolve(text)).on('error', reject)
  })
  expect(answer).toMatch(/^HTTP\/1\.1 403 .*"kind":"Status".*in namespace kube-system is refused/s)
})

test('shutting ends every stream at once', async () => {
  const one = await openGate(trustOf(cluster), adminOf(cluster), { policy: { namespaces: [namespace] } })
  const streams = [
    one.start('exec', '-i', '-n', namespace, 'box', '--', 'sleep', '600'),
    one.start('logs', '-f', '-n', namespace, 'box'),
    one.start('get', 'pods', '-n', namespace, '-w'),
  ]
  let lines = 0
  for (const stream of streams.slice(1)) stream.stdout?.once('data', () => lines++)
  await eventually(() => lines === 2 && one.gate.openWrites() === 1)
  one.claim.supersede()
  await one.gate.settled()
  expect(one.stored.at(-1)).toMatchObject({ verb: 'connect', subresource: 'exec' })
  for (const stream of streams) await stream
  expect((await one.kubectl('get', 'pods', '-n', namespace)).code).toBe(1)
  await one.stop()
})
