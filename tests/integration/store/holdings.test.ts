import { expect, test } from 'vitest'
import { openStore } from '../../../src/store/index.ts'
import { startOwnRedis } from '../../support/ownredis.ts'

test('a page that cannot be read is one error: what else was asked for meanwhile ends no process', async () => {
  const redis = await startOwnRedis()
  const store = await openStore({ url: redis.url })
  try {
    // Of the wrong kind, so that each read of each of them fails.
    for (const n of [1, 2, 3]) {
      await redis.ask('RPUSH', `tel:{cluster:${n}}:lock:here`, 'no lock')
      await redis.ask('SET', `tel:{room:${n}}:holders`, 'no room')
    }
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    await expect(store.holdings.page()).rejects.toThrow('WRONGTYPE')
    // Answers come in order: after this one those of all reads have come.
    await store.workers.now()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  } finally {
    await store.close()
    await redis.stop()
  }
})
