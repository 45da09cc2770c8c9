import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { SecretSummary } from '../model/stepsecret.ts'
import type { Connection } from './connection.ts'
import { deploymentKeys, secretKeys } from './keys.ts'
import type { Secrets } from './types.ts'

const unknown = (name: string): TelpherError => new TelpherError('unknown_secret', `there is no secret ${name.slice(0, 64)}`)

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
  }
}
