import type { BackupHeader, BackupPart, BackupSum, BackupValue, OpenedBackup } from '../../model/backup.ts'
import { TelpherError } from '../../model/errors.ts'
import type { Connection } from '../connection.ts'
import { auditKeys, imagePinsKey, indexKeys, packageIndexKey, restoreKey, secretKeys, targetKeys } from '../keys.ts'
import { type MigrationContext, migrations } from '../migrations.ts'
import { ruleOf } from '../retention.ts'
import { schemaVersion, stepsFrom } from '../schema.ts'
import type { Memory } from '../types.ts'

/** So many parts are written before the memory is looked at again. */
const partsBetweenLooks = 50

const bytesOf = (value: BackupValue): string | Buffer => (typeof value === 'string' ? value : Buffer.from(value[0], 'base64'))

/** Keys that a backup may write: nothing of the queue, of locks or of workers, which belong to those who run. */
const mayWrite = (key: string): boolean =>
  [...Object.values(targetKeys), ...Object.values(secretKeys), imagePinsKey, indexKeys.deployments, packageIndexKey].includes(key) ||
  [auditKeys.chain, auditKeys.checkpoints, auditKeys.marks].includes(key) ||
  /^tel:\{(dep_|pkg:)/.test(key)

const write = async (connection: Connection, { key, type, first, expiresAt, rows }: BackupPart): Promise<void> => {
  await connection.call(async (redis) => {
    const all = redis.pipeline()
    if (first) all.unlink(key)
    for (const row of rows) {
      const [name = '', ...rest] = row.map(bytesOf)
      if (type === 'hash') all.hset(key, name, ...rest)
      else if (type === 'zset') all.zadd(key, String(rest[0]), name)
      else all.xadd(key, String(name), ...rest)
    }
    if (expiresAt !== undefined) all.pexpireat(key, expiresAt)
    for (const [error] of (await all.exec()) ?? []) if (error !== null) throw error
  })
}

const mustBeReadable = ({ schema, kids }: BackupHeader, known: readonly string[]): void => {
  stepsFrom(schema, migrations)
  const missing = kids.filter((kid) => !known.includes(kid))
  if (missing.length > 0)
    throw new TelpherError(
      'sealed_record',
      `the accounts in this backup are sealed with the key ${missing.join(', ')}; this server has ${known.join(', ')}`,
    )
}

/**
 * Writes a backup into an empty installation. One that was cut can be done again: until it is complete, the store knows that it is not.
 * @param known the master keys of this server
 * @throws TelpherError backup_damaged, store_not_empty, store_newer, sealed_record before anything is written, redis_*
 */
export const load = async (
  { header, parts }: OpenedBackup,
  context: MigrationContext & { readonly memory: Pick<Memory, 'mustHaveRoom'>; readonly known: readonly string[] },
): Promise<BackupSum> => {
  const { connection, store, memory, known } = context
  mustBeReadable(header, known)
  const [deployments, targets, secrets, begun] = await connection.call((redis) =>
    Promise.all([
      redis.zcard(indexKeys.deployments),
      redis.hlen(targetKeys.records),
      redis.hlen(secretKeys.records),
      redis.exists(restoreKey),
    ]),
  )
  if (begun === 0 && deployments + targets + secrets > 0)
    throw new TelpherError(
      'store_not_empty',
      `there are ${deployments} deployments, ${targets} targets and ${secrets} secrets here already`,
    )
  await connection.call((redis) => redis.set(restoreKey, String(header.at)))
  for (let count = 0; ; count++) {
    if (count % partsBetweenLooks === 0) await memory.mustHaveRoom()
    const next = await parts.next()
    if (next.done === true) {
      for (const step of stepsFrom(header.schema, migrations)) await step.run(context)
      await connection.call((redis) => redis.unlink(restoreKey))
      return next.value
    }
    const part = next.value
    if (!mayWrite(part.key)) throw new TelpherError('backup_damaged', `no backup has a key such as ${part.key.slice(0, 80)}`)
    await write(ruleOf(part.key)?.redis === 'store' ? store : connection, part)
  }
}

/** Whether a restore was begun and is not complete. */
export const isRestoring = async (connection: Connection): Promise<boolean> =>
  (await connection.call((redis) => redis.exists(restoreKey))) === 1

/** The header of a backup that is made now. @param kids the keys that its accounts are sealed with */
export const headerOf = (kids: readonly string[]): BackupHeader => ({
  telpher: 'backup',
  format: 1,
  schema: schemaVersion,
  at: Date.now(),
  kids,
})
