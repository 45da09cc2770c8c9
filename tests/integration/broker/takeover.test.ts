import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { atWork, openScene, type Scene, tokenFor } from './scene.ts'

const child = fileURLToPath(new URL('takeover-child.ts', import.meta.url))

/** Requests that one server has in hand. */
const asking = 12

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

test('requests whose server is killed while it works on them are answered by another, each once', async () => {
  const keyFile = join(await mkdtemp(join(tmpdir(), 'telpher-broker-')), 'signer.pem')
  await writeFile(keyFile, scene.signer.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const server = spawn(process.execPath, [child, redis.url, keyFile], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void server.kill('SIGKILL'))
  const said: string[] = []
  createInterface(server.stdout).on('line', (line) => void said.push(line))
  await eventually(() => said.includes('ready'))
  const target = await scene.addTarget('t', 'default')
  const key = await scene.enrol('default')
  const attempts = await Promise.all(Array.from({ length: asking }, () => atWork(scene, key, target)))
  const renewing = setInterval(() => attempts.forEach(({ renew }) => void renew().catch(() => {})), 500)
  onTestFinished(() => clearInterval(renewing))
  const granted = attempts.slice(1).map(({ requests }) => tokenFor(requests))
  const ended = attempts[0]?.requests.ask('end')
  const taken = (): number => said.filter((line) => line === 'taken').length
  await eventually(() => taken() === asking)
  scene.startServer()
  // As long as the first one works on them, they are its own.
  await new Promise((resolve) => setTimeout(resolve, 4000))
  expect(scene.given()).toBe(0)
  server.kill('SIGKILL')
  expect(await Promise.all(granted)).toEqual(granted.map(() => 'token-of-t'))
  expect(await ended).toEqual({ is: 'done' })
  expect([scene.given(), taken()]).toEqual([asking - 1, asking])
  expect(await redis.ask('XLEN', 'tel:{broker}:requests')).toEqual(['0'])
})
