import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { Target } from '../model/target.ts'
import { useKinds } from '../model/use.ts'
import type { Connection } from './connection.ts'
import { rotationKeys, targetKeys, useField } from './keys.ts'
import type { Accounts, Targets } from './types.ts'

const keys = [targetKeys.records, targetKeys.accounts]

const unknown = (name: string): TelpherError => new TelpherError('unknown_target', `there is no target ${name}`)

/**
 * The targets, and their accounts as sealed records: a plaintext never comes here.
 * @param inUse the names that active deployments use
 */
export const createTargets = (connection: Connection, inUse: () => Promise<ReadonlySet<string>>): Targets => {
  const stored = async (name: string): Promise<string> => {
    const text = await connection.call((redis) => redis.hget(targetKeys.records, name))
    if (text === null) throw unknown(name)
    return text
  }
  return {
    create: async (target, sealed) => {
      const args = [target.name, JSON.stringify(target), sealed.id, JSON.stringify(sealed)]
      const created = await connection.script('create-target', keys, args)
      if (created === 0) throw new TelpherError('target_exists', `there is a target ${target.name} already`)
    },
    get: async (name) => JSON.parse(await stored(name)) as Target,
    list: async () => {
      const texts = await connection.call((redis) => redis.hvals(targetKeys.records))
      return texts.map((text) => JSON.parse(text) as Target).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    change: async (name, change) => {
      for (let tries = 0; tries < 50; tries++) {
        const text = await stored(name)
        const changed = change(JSON.parse(text) as Target)
        if ((await connection.script('swap-field', [targetKeys.records], [name, text, JSON.stringify(changed)])) === 1) return changed
      }
      throw new TelpherError('redis_timeout', `target ${name} is changed by too many at once`)
    },
    remove: async (name) => {
      const text = await stored(name)
      if ((await inUse()).has(name)) throw new TelpherError('target_in_use', `an active deployment uses target ${name}`)
      const { id } = (JSON.parse(text) as Target).account
      const removed = await connection.script(
        'remove-target',
        [...keys, rotationKeys.journal(id), rotationKeys.due, targetKeys.uses],
        [name, text, id, ...useKinds.map((kind) => useField(name, kind))],
      )
      if (removed === 0) throw unknown(name)
    },
  }
}

export const createAccounts = (connection: Connection): Accounts => ({
  get: async (id) => {
    const text = await connection.call((redis) => redis.hget(targetKeys.accounts, id))
    if (text === null) throw new TelpherError('unknown_target', `no target has the account ${id}`)
    return JSON.parse(text) as SealedRecord
  },
})
