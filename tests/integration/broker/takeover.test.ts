import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { openScene, type Scene, tokenFor } from './scene.ts'

const child = fileURLToPath(new URL('takeover-child.ts', import.meta.url))

let redis: OwnRedis
let scene: Scene
beforeAll(async () => {
  redis = await startOwnRedis()
  scene = await openScene(redis.url)
})
afterAll(async () => {
  await scene.close()
  await redis.stop()
})

test('a request whose server is killed while it works on it is answered by another, once', async () => {
  const keyFile = join(await mkdtemp(join(tmpdir(), 'telpher-broker-')), 'signer.pem')
  await writeFile(keyFile, scene.signer.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const server = spawn(process.execPath, [child, redis.url, keyFile], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void server.kill('SIGKILL'))
  const said: string[] = []
  createInterface(server.stdout).on('line', (line) => void said.push(line))
  await eventually(() => said.includes('ready'))
  const target = await scene.addTarget('t', 'default')
  const { job, envelope, attempt } = await scene.job(target)
  const { id, requester } = scene.worker(await scene.enrol('default'))
  await scene.hold(job, id)
  const asked = tokenFor(requester.forAttempt(envelope))
  await eventually(() => said.includes('taken'))
  scene.startServer()
  // As long as the first one works on it, it is its own.
  for (const end = performance.now() + 4000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 100)))
    await scene.store.claims.renew(job, attempt.attempt, id)
  expect(scene.given()).toBe(0)
  server.kill('SIGKILL')
  const renewing = setInterval(() => void scene.store.claims.renew(job, attempt.attempt, id).catch(() => {}), 500)
  onTestFinished(() => clearInterval(renewing))
  expect(await asked).toBe('token-of-t')
  expect([scene.given(), said.filter((line) => line === 'taken').length]).toEqual([1, 1])
  expect(await redis.ask('XLEN', 'tel:{broker}:requests')).toEqual(['0'])
})
