import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { SecretSummary } from '../model/stepsecret.ts'
import type { Connection } from './connection.ts'
import { deploymentKeys, indexKeys, secretKeys } from './keys.ts'
import type { Secrets } from './types.ts'

/** Deployments that are looked at in one go. */
const pageSize = 500

const unknown = (name: string): TelpherError => new TelpherError('unknown_secret', `there is no secret ${name.slice(0, 64)}`)

/** A hash of sealed records with what is in it. */
type Held = readonly [key: string, texts: readonly string[]]

/** The stored ones, and those of every deployment that is kept. */
async function* allOf(connection: Connection): AsyncGenerator<Held> {
  yield [secretKeys.sealed, await connection.call((redis) => redis.hvals(secretKeys.sealed))]
  for (let after = '-'; ; ) {
    const ids = await connection.call((redis) => redis.zrangebylex(indexKeys.deployments, after, '+', 'LIMIT', 0, pageSize))
    const keys = ids.map((id) => deploymentKeys(id).secrets)
    const found = await connection.call((redis) => Promise.all(keys.map((key) => redis.hvals(key))))
    for (const [index, texts] of found.entries()) if (texts.length > 0) yield [keys[index] ?? '', texts]
    if (ids.length < pageSize) return
    after = `(${ids.at(-1)}`
  }
}

/** Secrets of steps as sealed records. */
export const createSecrets = (connection: Connection): Secrets => {
  const find = async (name: string): Promise<SecretSummary | undefined> => {
    const text = await connection.call((redis) => redis.hget(secretKeys.records, name))
    return text === null ? undefined : (JSON.parse(text) as SecretSummary)
  }
  return {
    find,
    list: async () => {
      const texts = await connection.call((redis) => redis.hvals(secretKeys.records))
      return texts.map((text) => JSON.parse(text) as SecretSummary).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    put: async (summary, sealed, before) => {
      const args = [summary.name, before === undefined ? '' : JSON.stringify(before), JSON.stringify(summary), JSON.stringify(sealed)]
      return (await connection.script('put-secret', [secretKeys.records, secretKeys.sealed], args)) === 1
    },
    remove: async (name) => {
      const removed = await connection.call((redis) => redis.multi().hdel(secretKeys.records, name).hdel(secretKeys.sealed, name).exec())
      if (removed?.every(([, count]) => count === 0) !== false) throw unknown(name)
    },
    get: async (name) => {
      const text = await connection.call((redis) => redis.hget(secretKeys.sealed, name))
      if (text === null) throw unknown(name)
      return JSON.parse(text) as SealedRecord
    },
    ofDeployment: async (deploymentId) => {
      const all = await connection.call((redis) => redis.hgetall(deploymentKeys(deploymentId).secrets))
      return new Map(Object.entries(all).map(([id, text]) => [id, JSON.parse(text) as SealedRecord]))
    },
    countByKey: async () => {
      const counts = new Map<string, number>()
      for await (const [, texts] of allOf(connection))
        for (const { kid } of texts.map((text) => JSON.parse(text) as SealedRecord)) counts.set(kid, (counts.get(kid) ?? 0) + 1)
      return counts
    },
    change: async (change) => {
      let changed = 0
      for await (const [key, texts] of allOf(connection))
        for (const text of texts) {
          const before = JSON.parse(text) as SealedRecord
          const after = change(before)
          if (after !== undefined)
            changed += Number(await connection.script('replace-account', [key], [before.id, text, JSON.stringify(after)]))
        }
      return changed
    },
  }
}
