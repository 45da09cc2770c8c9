import { randomUUID } from 'node:crypto'
import type { RotationPlaces } from '../model/rotationjournal.ts'
import type { Connection } from './connection.ts'
import { placeKeys } from './keys.ts'

/** Rotations of one cluster at a time, over all servers. */
const places = 5
/** A server that waits asks again sooner than this, in ms; one that does not has gone. */
const silentMs = 2000

/** Places of clusters in Redis: leases that run out with whoever died. */
export const createPlaces = (connection: Connection): RotationPlaces => {
  const process = randomUUID()
  const ask = async (clusterId: string, holder: string, asks: string, forMs: number): Promise<boolean> => {
    const { holders, queue } = placeKeys(clusterId)
    return (await connection.script('take-place', [holders, queue], [holder, asks, places, forMs, silentMs])) === 1
  }
  return {
    take: (clusterId, holder, forMs) => ask(clusterId, holder, process, forMs),
    keep: (clusterId, holder, forMs) => ask(clusterId, holder, '', forMs),
    leave: async (clusterId, holder) => {
      await connection.call((redis) => redis.zrem(placeKeys(clusterId).holders, holder))
    },
  }
}
