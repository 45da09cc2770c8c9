import type { AuditEntry } from '../model/audit.ts'
import { type AccountUse, type AccountUses, useKinds, usesOf } from '../model/use.ts'
import type { Connection } from './connection.ts'
import { targetKeys, useField } from './keys.ts'
import type { Uses } from './types.ts'

const usesFrom = (texts: readonly (string | null | undefined)[], since: number): AccountUses =>
  Object.fromEntries(
    useKinds.flatMap((kind, index) => {
      const text = texts[index]
      const use = text == null ? undefined : (JSON.parse(text) as AccountUse)
      // That of an earlier target of the same name is none of this one.
      return use === undefined || use.at < since ? [] : [[kind, use]]
    }),
  )

/** When the accounts of targets were last used, by what the record of who did what says. */
export const createUses = (connection: Connection): Uses & { note(entries: readonly AuditEntry[]): Promise<void> } => ({
  note: async (entries) => {
    const args = [...usesOf(entries)].flatMap(([target, uses]) =>
      useKinds.flatMap((kind) => {
        const use = uses[kind]
        return use === undefined ? [] : [target, useField(target, kind), use.at, JSON.stringify(use)]
      }),
    )
    if (args.length > 0) await connection.script('note-uses', [targetKeys.records, targetKeys.uses], args)
  },
  of: async ({ name, createdAt }) => {
    const texts = await connection.call((redis) => redis.hmget(targetKeys.uses, ...useKinds.map((kind) => useField(name, kind))))
    return usesFrom(texts, createdAt)
  },
  all: async () => {
    const texts = await connection.call((redis) => redis.hgetall(targetKeys.uses))
    return ({ name, createdAt }) =>
      usesFrom(
        useKinds.map((kind) => texts[useField(name, kind)]),
        createdAt,
      )
  },
})
