import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../../src/store/index.ts'
import { startOwnRedis } from '../../support/ownredis.ts'
import { startRecorder } from '../../support/pipe-server.ts'

test('commands of one turn of the event loop go to Redis in one piece, in their order', async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.stop())
  const recorder = await startRecorder(Number(new URL(redis.url).port))
  onTestFinished(() => recorder.stop())
  const store = await openStore({ url: `redis://127.0.0.1:${recorder.port}` })
  onTestFinished(() => store.close())
  const sent = (): Buffer[] => recorder.toServer.flat()
  await store.workers.list()
  const before = sent().length
  const names = Array.from({ length: 20 }, (_, n) => `nobody-${n}`)
  await Promise.allSettled(names.map((name) => store.targets.get(name)))
  const pieces = sent().slice(before)
  expect(pieces).toHaveLength(1)
  expect(String(pieces[0]).match(/nobody-\d+/g)).toEqual(names)
})
