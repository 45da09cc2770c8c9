import type { Connection } from './connection.ts'
import { imagePinsKey } from './keys.ts'
import type { Images } from './types.ts'

/** The pins of execution images: one hash, since a worker reads them all with each job. */
export const createImages = (connection: Connection): Images => ({
  pins: async () => {
    const pins = await connection.call((redis) => redis.hgetall(imagePinsKey))
    return Object.fromEntries(Object.entries(pins).map(([image, ids]) => [image, ids.split(' ')]))
  },
  pin: async (image, ids) => {
    await connection.call((redis) =>
      ids.length === 0 ? redis.hdel(imagePinsKey, image) : redis.hset(imagePinsKey, image, [...new Set(ids)].join(' ')),
    )
  },
})
