import { isUtf8 } from 'node:buffer'
import type { BackupPart, BackupSum, BackupValue } from '../../model/backup.ts'
import { auditParts } from '../audit/backup.ts'
import type { Connection } from '../connection.ts'
import { deploymentKeys, imagePinsKey, indexKeys, jobKeys, packageIndexKey, packageKey, secretKeys, targetKeys } from '../keys.ts'
import { type FixedDeployment, jobIds } from '../records.ts'
import { createSealed } from '../sealed.ts'

/** Deployments of the index, and entries of a stream, that are read at once. */
const pageSize = 100
/** Fields that are read at once: those of a package have 1 MiB each. */
const fieldsAtOnce = 200
const chunksAtOnce = 2
/** Blocks of a log have up to 64 KiB and more each. */
const blocksAtOnce = 20

const textOrBytes = (bytes: Buffer): BackupValue => (isUtf8(bytes) ? bytes.toString('utf8') : [bytes.toString('base64')])

const expiryOf = async (connection: Connection, key: string): Promise<{ expiresAt?: number }> => {
  const left = await connection.call((redis) => redis.pttl(key))
  return left > 0 ? { expiresAt: Date.now() + left } : {}
}

async function* hashParts(connection: Connection, key: string, atOnce = fieldsAtOnce): AsyncGenerator<BackupPart> {
  const expiry = await expiryOf(connection, key)
  const fields = await connection.call((redis) => redis.hkeysBuffer(key))
  for (let start = 0; start < fields.length; start += atOnce) {
    const names = fields.slice(start, start + atOnce)
    const values = await connection.call((redis) => redis.hmgetBuffer(key, ...names))
    const rows = names.flatMap((name, index): [BackupValue, BackupValue][] => {
      const value = values[index]
      return value === null || value === undefined ? [] : [[textOrBytes(name), textOrBytes(value)]]
    })
    yield { key, type: 'hash', first: start === 0, ...expiry, rows }
  }
}

async function* streamParts(connection: Connection, key: string, atOnce = pageSize): AsyncGenerator<BackupPart> {
  const expiry = await expiryOf(connection, key)
  let [after, first] = ['-', true]
  for (;;) {
    const entries = await connection.call((redis) => redis.xrangeBuffer(key, after, '+', 'COUNT', atOnce))
    const rows = entries.map(([id, fields]) => [id.toString(), ...fields.map(textOrBytes)])
    if (rows.length > 0) yield { key, type: 'stream', first, ...expiry, rows }
    if (rows.length < atOnce) return
    after = `(${rows.at(-1)?.[0]}`
    first = false
  }
}

const memberOf = (key: string, member: string, score: string): BackupPart => ({ key, type: 'zset', first: false, rows: [[member, score]] })

/** The keys that the sealed records of a backup are sealed with. */
export const sealedWith = async ({
  connection,
  store,
}: {
  readonly connection: Connection
  readonly store: Connection
}): Promise<string[]> => {
  const counts = [...(await createSealed(connection, store).count())]
  return counts
    .filter(([, { accounts, secrets, packages }]) => accounts + secrets + packages > 0)
    .map(([kid]) => kid)
    .sort()
}

/**
 * Everything that a new installation needs to go on: targets with their sealed accounts, what has ended, and the packages of it.
 * What is still running is left out: it would be run again wherever this is restored. Each deployment comes before its entry in the
 * index, so that a restore that is cut leaves nothing half in sight.
 * @param connections where states are, and where logs and packages are
 */
export async function* dump(
  { connection, store }: { readonly connection: Connection; readonly store: Connection },
  options: { readonly logs: boolean },
): AsyncGenerator<BackupPart, BackupSum> {
  const packages = new Set<string>()
  let [deployments, unfinished] = [0, 0]

  const jobParts = async function* (deploymentId: string): AsyncGenerator<BackupPart> {
    const fields = await connection.call((redis) => redis.hkeys(deploymentKeys(deploymentId).jobs))
    for (const jobId of jobIds(Object.fromEntries(fields.map((field) => [field, ''])))) {
      const keys = jobKeys({ deploymentId, jobId })
      yield* hashParts(connection, keys.ledger)
      if (!options.logs) continue
      yield* hashParts(store, keys.log)
      yield* streamParts(store, keys.logHead, blocksAtOnce)
      yield* streamParts(store, keys.logTail, blocksAtOnce)
    }
  }
  const packageParts = async function* (sha256: string): AsyncGenerator<BackupPart> {
    const score = await store.call((redis) => redis.zscore(packageIndexKey, sha256))
    if (score === null) return
    yield* hashParts(store, packageKey(sha256), chunksAtOnce)
    yield memberOf(packageIndexKey, sha256, score)
  }
  const deploymentParts = async function* (id: string): AsyncGenerator<BackupPart> {
    const keys = deploymentKeys(id)
    const [state, fixed] = await connection.call((redis) => redis.hmget(keys.record, 'state', 'deployment'))
    if (state === null || state === undefined || fixed === null || fixed === undefined) return
    if (state !== 'finished') {
      unfinished++
      return
    }
    for (const { package: sha256 } of (JSON.parse(fixed) as FixedDeployment).request.steps) {
      if (packages.has(sha256)) continue
      packages.add(sha256)
      yield* packageParts(sha256)
    }
    for (const key of [keys.record, keys.jobs, keys.marks, keys.emitters, keys.secrets]) yield* hashParts(connection, key)
    yield* streamParts(connection, keys.events)
    yield* jobParts(id)
    yield memberOf(indexKeys.deployments, id, '0')
    deployments++
  }

  // An account that no target names would be nobody's, and a target without one could do nothing: both are read first, at one time.
  const both = [targetKeys.records, targetKeys.accounts]
  const read = await connection.call((redis) => both.reduce((all, key) => all.hgetall(key), redis.multi()).exec())
  const [records = {}, accounts = {}] = (read ?? []).map(([, hash]) => hash as Record<string, string>)
  for (const [key, hash] of [
    [targetKeys.accounts, accounts],
    [targetKeys.records, records],
  ] as const)
    if (Object.keys(hash).length > 0) {
      // Other versions of an account are of no use without the journal of its rotation, which goes on here and not where this is restored.
      const rows = Object.entries(hash).filter(([field]) => !field.includes('#'))
      yield { key, type: 'hash', first: true, rows }
    }
  yield* hashParts(connection, imagePinsKey)
  yield* hashParts(connection, secretKeys.sealed)
  yield* hashParts(connection, secretKeys.records)

  let after = '-'
  for (;;) {
    const ids = await connection.call((redis) => redis.zrangebylex(indexKeys.deployments, after, '+', 'LIMIT', 0, pageSize))
    for (const id of ids) yield* deploymentParts(id)
    if (ids.length < pageSize) break
    after = `(${ids.at(-1)}`
  }
  yield* auditParts(connection)
  return { targets: Object.keys(records).length, deployments, unfinished, packages: packages.size }
}
