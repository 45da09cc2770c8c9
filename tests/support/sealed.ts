import { keyPrefix } from '../../src/store/keys.ts'
import { ruleOf } from '../../src/store/retention.ts'
import { sealedPlaces } from '../../src/store/sealed.ts'

const places = new Set(sealedPlaces.map(({ keys }) => ruleOf(keys)))

/** One command that reads all of a key, by its type. */
const reading = (type: string, key: string): string[] => {
  if (type === 'string') return ['GET', key]
  if (type === 'hash') return ['HGETALL', key]
  if (type === 'stream') return ['XRANGE', key, '-', '+']
  if (type === 'list') return ['LRANGE', key, '0', '-1']
  return type === 'set' ? ['SMEMBERS', key] : ['ZRANGE', key, '0', '-1']
}

/** Keys of a Redis that have a sealed record in them and are no place that `telpher keys rotate` knows. */
export const strayRecords = async (redis: { ask(...words: string[]): Promise<string[]> }): Promise<string[]> => {
  const stray: string[] = []
  for (const key of (await redis.ask('KEYS', `${keyPrefix}*`)).filter((line) => line.startsWith(keyPrefix))) {
    const rule = ruleOf(key)
    if (rule !== undefined && places.has(rule)) continue
    const [type = ''] = await redis.ask('TYPE', key)
    if ((await redis.ask(...reading(type, key))).some((line) => line.includes('wrappedKey'))) stray.push(key)
  }
  return stray
}
