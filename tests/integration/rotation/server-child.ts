import { readFileSync } from 'node:fs'
import { openStore } from '../../../src/store/index.ts'
import { rotating } from '../../support/rotating.ts'

/** What a server says of a place: that it has it, from when it knew to when it is another's, and that it gave it back. */
export type SaidOfPlace =
  | { readonly type: 'held'; readonly holder: string; readonly from: number; readonly until: number }
  | { readonly type: 'left'; readonly holder: string; readonly at: number }

/** The rotation of one server, in a process of its own, of accounts that are named to it. */
const [redisUrl = '', keyFile = '', ...only] = process.argv.slice(2)
const store = await openStore({ url: redisUrl, timeoutMs: 20_000 })
const key = { kid: 'test', key: readFileSync(keyFile) }
const { rotations } = store
const { places } = rotations
const say = (line: SaidOfPlace | { readonly type: 'started' }): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const saying =
  (ask: typeof places.take): typeof places.take =>
  async (clusterId, holder, forMs) => {
    const askedAt = Date.now()
    const isHeld = await ask(clusterId, holder, forMs)
    if (isHeld) say({ type: 'held', holder, from: Date.now(), until: askedAt + forMs })
    return isHeld
  }
rotating(store, key, {
  journal: {
    ...rotations,
    due: async (most) => (await rotations.due(most)).filter((name) => only.includes(name)),
    places: {
      take: saying(places.take),
      keep: saying(places.keep),
      leave: (clusterId, holder) => {
        say({ type: 'left', holder, at: Date.now() })
        return places.leave(clusterId, holder)
      },
    },
  },
  times: { turnMs: 6000 },
  placeTimes: { leaseMs: 4000, requestMs: 1000 },
})
say({ type: 'started' })
