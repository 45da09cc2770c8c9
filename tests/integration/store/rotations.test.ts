import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../../src/model/ids.ts'
import type { RotationWish } from '../../../src/model/rotationjournal.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { sampleSealed, sampleTarget } from '../../support/samples.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

const sealed = sampleSealed(newId('acc'))
const lesser: readonly RotationWish[] = [
  { id: 'rot_2', kind: 'rotate' },
  { id: 'rot_2', kind: 'rollback' },
  { id: 'rot_2', kind: 'replace', sealed },
]

/** A target of a test's own, of whose account these are asked one after the other. @returns its name */
const asked = async (...wishes: readonly RotationWish[]): Promise<string> => {
  const id = newId('acc')
  const target = sampleTarget(`t-${id.slice(4).toLowerCase()}`)
  await store.targets.create({ ...target, account: { ...target.account, id } }, sampleSealed(id))
  for (const wish of wishes) await store.rotations.ask(target.name, wish)
  return target.name
}
/** What whoever takes its turn finds. */
const waiting = async (name: string): Promise<RotationWish | undefined> => (await store.rotations.claim(name, 10_000))?.wish

test.each(lesser)('a revocation that has not begun is not replaced by a $kind, which is refused', async (wish) => {
  const name = await asked({ id: 'rot_1', kind: 'revoke' })
  await expect(store.rotations.ask(name, wish)).rejects.toMatchObject({ code: 'rotation_refused' })
  expect(await waiting(name)).toEqual({ id: 'rot_1', kind: 'revoke' })
})

test.each([...lesser, { id: 'rot_2', kind: 'revoke' } as const])('a revocation takes the place of a $kind', async (wish) => {
  const name = await asked(wish, { id: 'rot_3', kind: 'revoke' })
  expect(await waiting(name)).toEqual({ id: 'rot_3', kind: 'revoke' })
})

test('of others the later one counts', async () => {
  const name = await asked({ id: 'rot_1', kind: 'rotate' }, { id: 'rot_2', kind: 'rollback' })
  expect(await waiting(name)).toEqual({ id: 'rot_2', kind: 'rollback' })
})
