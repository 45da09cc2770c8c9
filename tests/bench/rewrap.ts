import { randomBytes } from 'node:crypto'
import type { Keyring } from '../../src/credentials/keyfile.ts'
import { reseal, seal } from '../../src/credentials/seal.ts'
import { newId } from '../../src/model/ids.ts'
import { openStore } from '../../src/store/index.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { sampleTarget } from '../support/samples.ts'
import { type Figure, median, rounded, timed } from './figures.ts'

/** Accounts that are sealed anew in one go. */
const accounts = 10_000

const newMasterKey = (kid: string): Keyring => ({ kid, key: randomBytes(32), older: [] })

/** `keys.rewrap_per_s`: accounts in Redis that `telpher keys rotate` seals with another master key, per second. */
export const rewrapSuite = async (runs: number): Promise<Figure> => {
  const redis = await startOwnRedis({ appendfsync: 'everysec' })
  const store = await openStore({ url: redis.url })
  let key = newMasterKey('key-0')
  const numbers = Array.from({ length: accounts }, (_, n) => n)
  await Promise.all(
    numbers.map((n) => {
      const target = sampleTarget(`t${n}`)
      const id = newId('acc')
      const plaintext = JSON.stringify({ kind: 'bearer', token: randomBytes(600).toString('base64url') })
      return store.targets.create(
        { ...target, account: { ...target.account, id } },
        seal(key, { type: 'account', id, version: 1, plaintext }),
      )
    }),
  )
  const times = await timed(runs, async (run) => {
    key = { ...newMasterKey(`key-${run + 1}`), older: [key] }
    const resealed = await store.sealed.change((record) => reseal(key, record))
    if (resealed !== accounts) throw new Error(`${resealed} of ${accounts} accounts were sealed anew`)
  })
  await store.close()
  await redis.stop()
  return { id: 'keys.rewrap_per_s', value: rounded(accounts / (median(times) / 1000)), unit: 'accounts/s', runs }
}
