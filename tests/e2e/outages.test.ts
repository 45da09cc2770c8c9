import Dockerode from 'dockerode'
import { describe, expect, type TestContext, test } from 'vitest'
import { type E2e, type E2eOptions, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'
import { begin, configMaps, midApply } from '../support/running.ts'
import { ownCluster, ownDocker, sharedCluster } from '../support/sandbox.ts'

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000))

/** One after the other, since several at once take each other the time to start; ends after the test. */
let starting: Promise<unknown> = Promise.resolve()
const startOwn = async ({ onTestFinished }: TestContext, options: E2eOptions): Promise<E2e> => {
  const before = starting
  const started = before.catch(() => {}).then(() => startE2e(options))
  starting = started
  const e2e = await started
  onTestFinished(() => e2e.stop())
  return e2e
}

/** Nobody was called dead, and nothing was begun twice. */
const expectOneAttempt = (detail: ReturnType<typeof expectFault>): void => expect(detail?.jobs.map(({ attempt }) => attempt)).toEqual([1])

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'claim' },
  spec: { storageClassName: '', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
}

/** What the claim waits for: so it is the test that says when it becomes current. */
const volumeFor = (namespace: string): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: `volume-${namespace}` },
  spec: {
    storageClassName: '',
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Mi' },
    hostPath: { path: '/tmp' },
    claimRef: { namespace, name: 'claim' },
  },
})

/** While one job applies and the result of another is judged, a part goes away and comes back: neither ends any different. */
const expectPause = async (
  e2e: E2e,
  outage: () => Promise<void>,
  rows: { readonly applied: string; readonly judged: string },
): Promise<void> => {
  const { namespace, target } = await e2e.place()
  const judged = await begin(e2e, await e2e.folder({ 'claim.yaml': JSON.stringify(claim) }), target, '--name', 'judged')
  await judged.reaches('verifying')
  const applied = await begin(e2e, await e2e.folder(configMaps(300)), target, '--name', 'applied')
  await midApply(e2e, applied, namespace)
  await judged.reaches('verifying')
  await outage()
  await e2e.cluster.apply(volumeFor(namespace))
  expectOneAttempt(expectFault(rows.applied, await applied.ended))
  expectOneAttempt(expectFault(rows.judged, await judged.ended))
}

/** How long Redis is away, in s, and by what; the rows of the table say what comes of it, however long it lasts. */
const outages = process.env['SOAK_OUTAGE_S'] === undefined ? [5, 30] : [Number(process.env['SOAK_OUTAGE_S'])]
const signal = process.env['SOAK_OUTAGE_BY'] === 'SIGSTOP' ? 'SIGSTOP' : 'SIGKILL'

describe.concurrent('a part is away while kubectl applies and while a result is judged', () => {
  test.for(outages)('Redis, for %i s', async (away, context) => {
    const e2e = await startOwn(context, { cluster: await sharedCluster('none') })
    const { redis } = e2e.stack
    const outage = async (): Promise<void> => {
      await redis.kill(signal)
      await seconds(away)
      await (signal === 'SIGSTOP' ? redis.kill('SIGCONT') : redis.restart())
    }
    const row = away === 5 ? 5 : 30
    await expectPause(e2e, outage, { applied: `redis-${row}s-apply`, judged: `redis-${row}s-verify` })
  })

  test('the API server, for 10 s', async (context) => {
    const cluster = await ownCluster('none')
    context.onTestFinished(() => cluster.stop())
    const outage = async (): Promise<void> => {
      await cluster.apiserver.kill('SIGKILL')
      await seconds(10)
      await cluster.apiserver.start()
    }
    const e2e = await startOwn(context, { cluster })
    await expectPause(e2e, outage, { applied: 'apiserver-10s-apply', judged: 'apiserver-10s-verify' })
  })

  test('the Docker engine, killed while kubectl applies: the end is said, and a new worker removes what is left', async (context) => {
    const docker = await ownDocker()
    context.onTestFinished(() => docker.stop())
    const e2e = await startOwn(context, { docker, cluster: await sharedCluster('none') })
    const { namespace, target } = await e2e.place()
    const running = await begin(e2e, await e2e.folder(configMaps(300)), target)
    const { worker } = await midApply(e2e, running, namespace)
    await docker.kill('SIGKILL')
    expectFault('docker-killed', await running.ended)

    await docker.restart()
    const engine = new Dockerode({ socketPath: docker.socketPath })
    const left = () => engine.listContainers({ all: true, filters: { label: [`telpher.worker=${worker}`] } })
    await e2e.stack.workers[0]?.stop()
    e2e.stack.addWorker('after-the-engine')
    await eventually(async () => (await left()).length === 0)
  })
})
