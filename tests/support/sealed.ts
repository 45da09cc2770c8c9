import { keyPrefix } from '../../src/store/keys.ts'
import { ruleOf } from '../../src/store/retention.ts'
import { sealedPlaces } from '../../src/store/sealed.ts'
import { namesIn, openAnyRedis } from './anyredis.ts'
import { valuesOf } from './rediswalk.ts'

const places = new Set(sealedPlaces.map(({ keys }) => ruleOf(keys)))

/** Keys of a Redis that have a sealed record in them and are no place that `telpher keys rotate` knows. */
export const strayRecords = async (url: string): Promise<string[]> => {
  const redis = openAnyRedis(url)
  try {
    const stray: string[] = []
    for (const key of await namesIn(redis, `${keyPrefix}*`)) {
      const rule = ruleOf(key)
      if (rule !== undefined && places.has(rule)) continue
      if ((await valuesOf(redis, key)).some((value) => value.includes('wrappedKey'))) stray.push(key)
    }
    return stray
  } finally {
    redis.disconnect()
  }
}
