import Dockerode from 'dockerode'
import { describe, expect, type TestContext, test } from 'vitest'
import { type E2eOptions, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'
import { begin, configMaps, midApply, slowDeployment } from '../support/running.ts'
import { ownCluster, ownDocker, sharedCluster } from '../support/sandbox.ts'

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000))

/** Ends after the test, whatever comes of it. */
const startOwn = async ({ onTestFinished }: TestContext, options: E2eOptions) => {
  const e2e = await startE2e(options)
  onTestFinished(() => e2e.stop())
  return e2e
}

/** Nobody was called dead, and nothing was begun twice. */
const expectOneAttempt = (detail: ReturnType<typeof expectFault>): void => expect(detail?.jobs.map(({ attempt }) => attempt)).toEqual([1])

describe.concurrent('Redis is away', () => {
  test.for([5, 30])('for %i s while kubectl applies', async (away, context) => {
    const e2e = await startOwn(context, { cluster: await sharedCluster('kwok') })
    const { namespace, target } = await e2e.place()
    const running = await begin(e2e, await e2e.folder(configMaps(500)), target)
    await midApply(e2e, running, namespace)
    await e2e.stack.redis.kill('SIGKILL')
    await seconds(away)
    await e2e.stack.redis.restart()
    expectOneAttempt(expectFault(`redis-${away}s-apply`, await running.ended))
  })

  test.for([5, 30])('for %i s while the result is judged', async (away, context) => {
    const e2e = await startOwn(context, { cluster: await sharedCluster('kwok') })
    const { target } = await e2e.place()
    const running = await begin(e2e, await e2e.folder(slowDeployment(8)), target)
    await running.reaches('verifying')
    await e2e.stack.redis.kill('SIGKILL')
    await seconds(away)
    await e2e.stack.redis.restart()
    expectOneAttempt(expectFault(`redis-${away}s-verify`, await running.ended))
  })
})

describe.concurrent('the API server is away for 10 s', () => {
  test('while kubectl applies, and while the result is judged', async (context) => {
    const own = await ownCluster('kwok')
    context.onTestFinished(() => own.stop())
    const e2e = await startOwn(context, { cluster: own })
    const outage = async (): Promise<void> => {
      await own.apiserver.kill('SIGKILL')
      await seconds(10)
      await own.apiserver.start()
    }
    const { namespace, target } = await e2e.place()
    const applying = await begin(e2e, await e2e.folder(configMaps(500)), target)
    await midApply(e2e, applying, namespace)
    await outage()
    expectOneAttempt(expectFault('apiserver-10s-apply', await applying.ended))

    const judged = await begin(e2e, await e2e.folder(slowDeployment(15)), target, '--name', 'judged')
    await judged.reaches('verifying')
    await outage()
    expectOneAttempt(expectFault('apiserver-10s-verify', await judged.ended))
  })
})

describe.concurrent('the Docker engine is killed', () => {
  test('while kubectl applies: the end is said, and a new worker removes what is left', async (context) => {
    const docker = await ownDocker()
    context.onTestFinished(() => docker.stop())
    const e2e = await startOwn(context, { docker, cluster: await sharedCluster('kwok') })
    const { namespace, target } = await e2e.place()
    const running = await begin(e2e, await e2e.folder(configMaps(500)), target)
    const { jobId } = await midApply(e2e, running, namespace)
    await docker.kill('SIGKILL')
    expectFault('docker-killed', await running.ended)

    await docker.restart()
    const engine = new Dockerode({ socketPath: docker.socketPath })
    const left = () => engine.listContainers({ all: true, filters: { label: [`telpher.job=${jobId}`] } })
    await e2e.stack.workers[0]?.stop()
    e2e.stack.addWorker('after-the-engine')
    await eventually(async () => (await left()).length === 0)
  })
})
