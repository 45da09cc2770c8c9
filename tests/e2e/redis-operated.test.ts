import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startSentinelRedis } from '../../src/sandbox/redis-sentinel.ts'
import { aclUser } from '../../src/store/index.ts'
import { startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { begin, configMaps, midApply } from '../support/running.ts'
import { sharedCluster } from '../support/sandbox.ts'

test('behind Sentinel and under users of their own a fail-over in the middle of an apply is a pause, and nothing is refused to anybody', async ({
  onTestFinished,
}) => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-operated-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const redis = await startSentinelRedis({ dir, temporary: true })
  onTestFinished(redis.stop)
  const users = [aclUser('server'), aclUser('worker')]
  for (const node of redis.nodes)
    for (const { user, rules } of users) expect(await node.command('ACL', 'SETUSER', user, ...rules, `>pw-of-${user}`)).toContain('+OK')
  const addressOf = (user: string): string => redis.url.replace('//', `//${user}:pw-of-${user}@`)
  const addresses = { server: addressOf('telpher-server'), worker: addressOf('telpher-worker-default') }
  const e2e = await startE2e({ cluster: await sharedCluster('none'), redis: { ...redis.nodes[0]!, url: redis.url }, addresses })
  onTestFinished(() => e2e.stop())
  const { namespace, target } = await e2e.place()

  const running = await begin(e2e, await e2e.folder(configMaps(300)), target)
  await midApply(e2e, running, namespace)
  const old = await redis.master()
  await old.kill('SIGKILL')
  await eventually(async () => (await redis.master()).port !== old.port, 60_000, 100)
  const { deployment, jobs } = detailOf(await running.ended)
  expect([deployment.result, jobs[0]?.attempt]).toEqual(['success', 1])

  // What else people do, on the master that took over.
  const applied = await e2e.deploy(await e2e.folder(configMaps(2)), target)
  expect(applied, applied.stderr).toMatchObject({ code: 0 })
  const cancelled = await begin(e2e, await e2e.folder(configMaps(300)), target)
  const { deploymentId } = await cancelled.reaches('running')
  const { deployment: other } = detailOf(applied)
  const said = await e2e.cli('logs', other.id)
  expect(said.stdout).toContain('configmap')
  expect(await e2e.cli('cancel', deploymentId)).toMatchObject({ code: 0 })
  expect(detailOf(await cancelled.ended).deployment.result).toBe('cancellation')
  expect(await e2e.cli('target', 'check', target)).toMatchObject({ code: 0 })
  expect(await e2e.cli('worker', 'drain', '--all')).toMatchObject({ code: 0 })
  const master = await redis.master()
  expect(await master.command('ACL', 'LOG')).toMatch(/^\*0\r\n/)
})
