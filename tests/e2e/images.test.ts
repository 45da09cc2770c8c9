import { afterAll, beforeAll, expect, test } from 'vitest'
import { chooseImage } from '../../src/model/image.ts'
import { connectDocker } from '../../src/sandbox/dockerEngine.ts'
import { localImages } from '../../src/sandbox/image/local.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { expectFault } from '../support/faults.ts'
import { clientOf } from '../support/running.ts'
import { freshNamespace } from '../support/sandbox.ts'
import { tinyImage } from '../support/tinyimage.ts'
import { type VersionProxy, versionProxy } from '../support/versionproxy.ts'

const ask = useE2e()
const image = 'telpher/exec:k1.34-h4'

const own = 'telpher-test/helm3:1'

let proxy: VersionProxy
let target: string
let namespace: string
let path: string
beforeAll(async () => {
  const { cluster, addTarget, folder } = ask()
  proxy = await versionProxy(cluster, 'v1.34.4')
  namespace = await freshNamespace(cluster)
  target = await addTarget({ kubeconfig: proxy.kubeconfig, namespaces: [namespace] })
  path = await folder({ 'map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n' })
})
afterAll(async () => {
  proxy?.stop()
  await connectDocker(ask().stack.docker.socketPath)
    .getImage(own)
    .remove({ force: true })
    .catch(() => undefined)
})

/** Deploys as the server says this version. @returns the deployment's only job, with what was noted and the log of ours */
const deploy = async (version: string, file = path, ...more: string[]) => {
  proxy.says(version)
  const ran = await ask().deploy(file, target, ...more)
  const client = await clientOf(ask())
  const id = /dep_[0-9A-HJKMNP-TV-Z]{26}/.exec(ran.stdout)?.[0] ?? ''
  const [job] = (await client.deployment(id)).jobs
  if (job === undefined) throw new Error(ran.stderr)
  const log = await client.log(id, job.jobId)
  return { ran, id, job, ours: log.filter(({ stream }) => stream === 'system').map(({ text }) => text) }
}

test('what a step ran with is in its job, in the event of its start, and in the view', async () => {
  const { id, job, ours } = await deploy('v1.34.9-gke.100')
  const here = await localImages(ask().stack.docker.socketPath).find(image)
  const tools = { image, imageId: here?.id, kubectl: '1.34.4', helm: '4.2.4', server: 'v1.34.9-gke.100' }
  expect(job.status).toBe('succeeded')
  expect(job.tools).toEqual(tools)
  expect(ours.filter((line) => line.startsWith('warning'))).toEqual([])
  const events = await (await clientOf(ask())).history(id)
  expect(events.find((event) => event.type === 'job' && event.to === 'running')).toMatchObject({ tools })
  const { stdout } = await ask().cli('view', id)
  expect(stdout).toMatch(/TOOLS\n.*IMAGE.*\n.*telpher\/exec:k1\.34-h4 +1\.34\.4 +4\.2\.4 +v1\.34\.9-gke\.100 +[0-9a-f]{12}/)
})

test('a server outside of every window is deployed to with a warning that says what may break', async () => {
  const { ran, id, ours } = await deploy('v1.30.2+k3s1')
  expectFault('version-warned', ran)
  const warning = 'kubectl 1.34 is 4 minor versions newer than the server (v1.30.2+k3s1)'
  expect(ours.find((line) => line.startsWith('warning'))).toContain(warning)
  expect((await ask().cli('view', id)).stdout).toContain(warning)
})

test('a server that was upgraded gets its image with the next job, or the line that gets it', async () => {
  const wanted = chooseImage('v1.37.0').tags[0] ?? ''
  const here = await localImages(ask().stack.docker.socketPath).find(wanted)
  const { job } = await deploy('v1.37.0')
  if (here === undefined) {
    expect(job).toMatchObject({ status: 'errored', end: { code: 'image_missing' } })
    expect(job.end?.sentence).toContain('telpher image build k1.36-h4')
  } else expect(job).toMatchObject({ status: 'succeeded', tools: { image: wanted } })
  expect(job.attempt).toBe(1)
})

test('an image that is pinned to another id is refused before anything runs, and runs again without the pin', async () => {
  const client = await clientOf(ask())
  await client.pinImage(image, [`sha256:${'0'.repeat(64)}`])
  const { ran, id } = await deploy('v1.34.4')
  expectFault('image-pinned', ran)
  expect((await client.history(id)).filter((event) => event.type === 'job' && event.to === 'running')).toEqual([])
  const pinned = await ask().cli('image', 'pin', 'k1.34-h4', '--docker-socket', ask().stack.docker.socketPath)
  expect(pinned.stdout).toMatch(/is pinned to sha256:[0-9a-f]{64}/)
  expect((await deploy('v1.34.4')).job.status).toBe('succeeded')
  await ask().cli('image', 'pin', 'k1.34-h4', '--remove')
  expect(await client.pins()).toEqual({})
})

test("an own image with another helm than the step's is refused in words", async () => {
  const engine = localImages(ask().stack.docker.socketPath)
  await engine.load([await tinyImage(own, { kubectl: '1.34.4', helm: '3.21.4' })])
  const folder = await ask().folder({
    'telpher.yaml': `name: web\nsteps:\n  - name: web\n    image: ${own}\n    helm: { chart: chart }\n`,
    'chart/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
  })
  proxy.says('v1.34.4')
  const ran = await ask().cli('deploy', '-f', `${folder}/telpher.yaml`, '--target', target, '-o', 'json')
  expectFault('image-helm', ran)
})

test('the check of a target says which image its steps run in, and whether it is here', async () => {
  const client = await clientOf(ask())
  proxy.says('v1.34.4')
  const good = await ask().cli('target', 'check', target)
  expect(good.stdout).toMatch(/✓ version +kubectl .*server v1\.34\.4, kubectl 1\.34\.4 in telpher\/exec:k1\.34-h4/)
  expect(good.stdout).toMatch(/✓ image +here .*telpher\/exec:k1\.34-h4, [0-9a-f]{12}$/)
  await client.pinImage(image, [`sha256:${'0'.repeat(64)}`])
  const bad = await ask().cli('target', 'check', target)
  await client.pinImage(image, [])
  expect(bad.code).toBe(10)
  expect(bad.stdout).toMatch(/✗ image .*pinned is sha256:000/)
})

test('an image that is nowhere comes with the line that gets it', async () => {
  const folder = await ask().folder({
    'telpher.yaml': 'name: maps\nsteps: [{ name: maps, apply: map.yaml, image: "telpher-test/nowhere:1" }]\n',
    'map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n',
  })
  expectFault('image-missing', await ask().cli('deploy', '-f', `${folder}/telpher.yaml`, '--target', target, '-o', 'json'))
})

test('a worker that is to start nothing without a pin does so', async () => {
  const { stack, cli } = ask()
  for (const worker of stack.workers.splice(0)) await worker.stop()
  stack.addWorker('pinned-only', { TELPHER_UNPINNED_IMAGES: 'refuse' })
  expectFault('image-unpinned', (await deploy('v1.34.4')).ran)
  expect((await cli('target', 'check', target)).stdout).toMatch(/✗ image .*has no pin/)
  await cli('image', 'pin', 'k1.34-h4', '--docker-socket', stack.docker.socketPath)
  expect((await deploy('v1.34.4')).job.status).toBe('succeeded')
  await cli('image', 'pin', 'k1.34-h4', '--remove')
})

test('a worker that is to refuse does so, with the same words', async () => {
  const { stack } = ask()
  for (const worker of stack.workers.splice(0)) await worker.stop()
  stack.addWorker('strict', { TELPHER_VERSION_SKEW: 'refuse' })
  expectFault('version-refused', (await deploy('v1.31.0')).ran)
  expect((await deploy('v1.33.0')).job.status).toBe('succeeded')
})
