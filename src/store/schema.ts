import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { indexKeys, installationKey, schemaKeys, targetKeys } from './keys.ts'
import { type Migration, type MigrationContext, migrations } from './migrations.ts'
import { leaveBehind, mustNotBeLeftBehind } from './programs.ts'

/** Who takes a step has the turn for so long, in ms, and asks for more while it lives. */
const turnMs = 30_000

/** The version that a list of steps leads to. */
const versionOf = (steps: readonly Migration[]): number => steps.length + 1

/** The version of what this program stores. */
export const schemaVersion: number = versionOf(migrations)

/**
 * The steps from a version on, in order.
 * @throws TelpherError store_newer when the version is above what the steps lead to
 */
export const stepsFrom = (version: number, steps: readonly Migration[]): readonly Migration[] => {
  if (version > versionOf(steps))
    throw new TelpherError('store_newer', `Redis holds data of version ${version}; this program knows versions up to ${versionOf(steps)}`)
  return steps.filter(({ from }) => from >= version)
}

/** What was stored before there were versions is of version 1. */
const firstVersion = async ({ connection }: MigrationContext, steps: readonly Migration[]): Promise<number> => {
  const found = await connection.call((redis) =>
    Promise.all([indexKeys.deployments, targetKeys.records, installationKey].map((key) => redis.exists(key))),
  )
  return found.includes(1) ? 1 : versionOf(steps)
}

const readVersion = async (context: MigrationContext, steps: readonly Migration[]): Promise<number> => {
  const { connection } = context
  const read = () => connection.call((redis) => redis.get(schemaKeys.version))
  const known = await read()
  if (known !== null) return Number(known)
  await connection.script('advance-schema', [schemaKeys.version], ['', await firstVersion(context, steps)])
  return Number(await read())
}

/** Does the work with the turn kept; what has lost its turn does no harm, since steps may be repeated. */
const withTurn = async (connection: Connection, token: string, work: () => Promise<void>): Promise<void> => {
  const keep = setInterval(() => {
    connection.call((redis) => redis.set(schemaKeys.turn, token, 'PX', turnMs, 'XX')).catch(() => {})
  }, turnMs / 3)
  try {
    await work()
  } finally {
    clearInterval(keep)
    await connection.script('swap-lock', [schemaKeys.turn], [token, '', 0]).catch(() => {})
  }
}

/**
 * Waits until a server has taken what is stored to the version that this program knows: for programs that may not, or should not, do it.
 * @param options.waitMs how long, in ms
 * @throws TelpherError store_newer, store_older, redis_*
 */
export const awaitSchema = async (
  connection: Connection,
  options: { readonly version?: number; readonly waitMs?: number; readonly log?: (line: object) => void } = {},
): Promise<void> => {
  const { version = schemaVersion, waitMs = 60_000, log = () => {} } = options
  const end = performance.now() + waitMs
  for (let isSaid = false; ; isSaid = true) {
    await mustNotBeLeftBehind(connection, version)
    const found = await connection.call((redis) => redis.get(schemaKeys.version))
    if (Number(found ?? 0) >= version) return
    const holds = found === null ? 'no server has begun with this Redis' : `Redis holds data of version ${found}`
    if (performance.now() > end) throw new TelpherError('store_older', `${holds}; this program needs version ${version}`)
    if (!isSaid) log({ level: 'warn', msg: `${holds}: waiting for a server that takes it to version ${version}` })
    await sleep(500)
  }
}

/**
 * Brings what is stored to the version of this program, one step at a time and by one process at a time; who dies in it is
 * followed by the next one, from the step that was begun. Data of a newer version stays as it is, where this program may use it.
 * @param options.waitMs how long another process is waited for, in ms
 * @throws TelpherError store_newer, store_migrating, store_in_use, redis_*
 */
export const ensureSchema = async (
  context: MigrationContext,
  options: { readonly steps?: readonly Migration[]; readonly waitMs?: number; readonly log?: (line: object) => void } = {},
): Promise<void> => {
  const { steps = migrations, waitMs = 120_000, log = () => {} } = options
  const { connection } = context
  const token = randomUUID()
  const end = performance.now() + waitMs
  for (;;) {
    await mustNotBeLeftBehind(connection, versionOf(steps))
    const version = await readVersion(context, steps)
    if (version >= versionOf(steps)) return
    const [step] = stepsFrom(version, steps)
    if (step === undefined) return
    const took = await connection.call((redis) => redis.set(schemaKeys.turn, token, 'PX', turnMs, 'NX'))
    if (took === null) {
      if (performance.now() > end)
        throw new TelpherError('store_migrating', `another process still takes the data in Redis from version ${step.from} to the next`)
      await sleep(100)
      continue
    }
    await withTurn(connection, token, async () => {
      // Another one may have taken the step between the look and the turn.
      if ((await readVersion(context, steps)) !== step.from) return
      log({ level: 'info', msg: 'the data in Redis goes to the next version', from: step.from, about: step.about })
      if (step.leavesBehind) await leaveBehind(connection, step.from + 1)
      await step.run(context)
      await connection.script('advance-schema', [schemaKeys.version], [step.from, step.from + 1])
    })
  }
}
