import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Client, Connection } from './connection.ts'
import { rotationKeys } from './keys.ts'
import { parseInfo } from './startcheck.ts'

/** How long a barrier is waited for, in ms: a busy disk puts its syncs off, a rewrite of the file takes as long as its data. */
const patienceMs = 60_000
const lookMs = 100
/** A replica or a disk that does not answer within this, in ms, is asked again. */
const askMs = 2000
/** With `everysec` Redis begins a sync at most a second after what was written (redis.conf, appendfsync); the other one is for its clock, which ticks in seconds. */
const everySecondMs = 2000
const markerMs = 600_000
/** WAITAOF never confirms where syncing is left to the system (redis.io/docs/latest/commands/waitaof); a busy disk takes its time, too, in ms. */
const confirmMs = 10_000
/** A replica that was not connected for so long, in ms, is expected no more: the next rotation must not wait for ever. */
const rememberMs = 3_600_000

type Info = ReadonlyMap<string, string>

/** A pipeline goes to the master of its first key, its commands without keys with it. */
const ask = async (redis: Client, ...command: readonly [string, ...(string | number)[]]): Promise<unknown> => {
  const answers = await redis
    .pipeline()
    .exists(rotationKeys.barrier)
    .call(...command)
    .exec()
  for (const [error] of answers ?? []) if (error !== null) throw error
  return answers?.[1]?.[1]
}
const infoOf = async (redis: Client, section: string): Promise<Info> => parseInfo(String(await ask(redis, 'INFO', section)))
const isOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 7 || (major === 7 && minor < 2)
}
const unproven = (why: string, code: 'rotation_barrier' | 'rotation_replicas' = 'rotation_barrier'): TelpherError =>
  new TelpherError(code, `Redis does not show that what it was told lasts: ${why}`)

const unsynced = (): TelpherError => unproven('its append-only file is not synced')
const rewriting = (): TelpherError => unproven('its append-only file is being rewritten')

/** What may be asked only by users that have the right to: asked once without it, and never again, since Redis writes down what it refuses. */
type Optional = (redis: Client, ...command: readonly [string, ...(string | number)[]]) => Promise<unknown>
const optionally = (): Optional => {
  const refused = new Set<string>()
  return async (redis, ...command) => {
    if (refused.has(command[0])) return undefined
    try {
      return await ask(redis, ...command)
    } catch (error) {
      if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) refused.add(command[0])
      return undefined
    }
  }
}

/** `appendfsync`; what it is by default where Redis does not say it. */
const policyOf = async (redis: Client, optional: Optional): Promise<string> => {
  const told = await optional(redis, 'CONFIG', 'GET', 'appendfsync')
  return Array.isArray(told) && typeof told[1] === 'string' ? told[1] : 'everysec'
}

const until = async (end: number, why: () => TelpherError, holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) {
    if (performance.now() > end) throw why()
    await sleep(lookMs)
  }
}

/** Replicas by host and port, and when each was last connected, by the monotonic clock. */
type Replicas = Map<string, number>

const connectedIn = (info: Info): string[] =>
  [...info].flatMap(([name, value]) => {
    const [, host, port] = (/^slave\d+$/.test(name) && /^ip=([^,]+),port=(\d+),/.exec(value)) || []
    return port === undefined ? [] : [`${host}:${port}`]
  })

/**
 * Every replica has it (redis.io/docs/latest/commands/wait): those that are connected, and those that were lately, since one that hangs is
 * disconnected, and may be the master after all.
 */
const onReplicas = async (redis: Client, mark: () => Promise<unknown>, end: number, known: Replicas): Promise<number> => {
  let connected: string[] = []
  const lacking = (): TelpherError => {
    const away = [...known.keys()].filter((place) => !connected.includes(place))
    const which =
      away.length === 0 ? `one of its replicas ${connected.join(', ')} does not have it` : `its replica ${away.join(', ')} is away`
    return unproven(which, 'rotation_replicas')
  }
  await until(end, lacking, async () => {
    connected = connectedIn(await infoOf(redis, 'replication'))
    const now = performance.now()
    for (const place of connected) known.set(place, now)
    for (const [place, seenAt] of known) if (now - seenAt > rememberMs) known.delete(place)
    if (known.size === 0) return true
    await mark()
    return Number(await ask(redis, 'WAIT', known.size, askMs)) >= known.size
  })
  return known.size
}

/** The file has reached the disk without a word about it: what is known of how Redis syncs, and that nothing stands in its way. */
const bySecond = async (redis: Client, end: number): Promise<void> => {
  const calm = (info: Info): boolean =>
    info.get('aof_last_write_status') === 'ok' && info.get('aof_rewrite_in_progress') === '0' && info.get('rdb_bgsave_in_progress') === '0'
  let [since, delayed] = [Number.POSITIVE_INFINITY, '']
  await until(end, unsynced, async () => {
    const info = await infoOf(redis, 'persistence')
    // A sync that was put off begins the waiting anew; so does a rewrite, during which some do not sync at all (no-appendfsync-on-rewrite).
    if (!calm(info) || info.get('aof_delayed_fsync') !== delayed) {
      delayed = info.get('aof_delayed_fsync') ?? ''
      since = Number.POSITIVE_INFINITY
    }
    if (since === Number.POSITIVE_INFINITY && calm(info) && info.get('aof_buffer_length') === '0') since = performance.now()
    return performance.now() - since > everySecondMs && info.get('aof_pending_bio_fsync') === '0'
  })
}

/** A new file, which is synced before it takes the place of the old one: for a Redis that leaves syncing to the system. */
const byRewrite = async (redis: Client, end: number): Promise<void> => {
  const isIdle = async (): Promise<boolean> => {
    const info = await infoOf(redis, 'persistence')
    return info.get('aof_rewrite_in_progress') === '0' && info.get('aof_rewrite_scheduled') === '0'
  }
  await until(end, rewriting, isIdle)
  await ask(redis, 'BGREWRITEAOF')
  await until(end, rewriting, isIdle)
  if ((await infoOf(redis, 'persistence')).get('aof_last_bgrewrite_status') !== 'ok')
    throw unproven('its append-only file was not rewritten')
}

const rewritten = 'a rewritten append-only file'

/** @returns what it rests on */
const onDisk = async (redis: Client, optional: Optional, end: number): Promise<string> => {
  const version = (await infoOf(redis, 'server')).get('redis_version') ?? ''
  const enabled = (await infoOf(redis, 'persistence')).get('aof_enabled')
  if (enabled !== '1') throw unproven('it has no append-only file')
  // Who may not ask it is served as by an older one.
  const mayAsk = !isOld(version) && (await optional(redis, 'WAITAOF', 0, 0, 1)) !== undefined
  if (mayAsk) {
    const late = Math.min(end, performance.now() + confirmMs)
    while (performance.now() < late) {
      const [local] = (await ask(redis, 'WAITAOF', 1, 0, askMs)) as [number, number]
      if (Number(local) >= 1) return 'WAITAOF'
    }
    await byRewrite(redis, end)
    return rewritten
  }
  const policy = await policyOf(redis, optional)
  if (policy === 'no') await byRewrite(redis, end)
  else if (policy !== 'always') await bySecond(redis, end)
  return policy === 'no' ? rewritten : `appendfsync ${policy}`
}

const prove = async (connection: Connection, known: Replicas, optional: Optional, withinMs: number): Promise<string> => {
  const end = performance.now() + withinMs
  // Its own connection: others would wait behind what blocks; and what it says holds for what was written on it, and before.
  const redis = connection.blocking()
  try {
    const mark = () => redis.set(rotationKeys.barrier, randomUUID(), 'PX', markerMs)
    await mark()
    const replicas = await onReplicas(redis, mark, end, known)
    const rests = await onDisk(redis, optional, end)
    return replicas === 0 ? rests : `${rests}, ${replicas} replicas`
  } catch (thrown) {
    throw thrown instanceof TelpherError ? thrown : unproven(thrown instanceof Error ? thrown.message : String(thrown))
  } finally {
    redis.disconnect()
  }
}

/**
 * What was written to Redis before this was called outlives it: on all replicas that are connected or were in the last hour, and on its disk. Redis 7.2 and newer are asked with
 * WAITAOF; older ones by their settings and INFO. Where no sync is to be had, the file is written anew. Callers that come together share one proof that begins after the last of them.
 * @param withinMs how long a proof may take, in ms
 * @returns what resolves with what it rests on, in words. It throws TelpherError rotation_replicas, rotation_barrier
 */
export const createBarrier = (connection: Connection, withinMs: number = patienceMs): (() => Promise<string>) => {
  const known: Replicas = new Map()
  const optional = optionally()
  let running: Promise<unknown> | undefined
  let waiting: Promise<string> | undefined
  return () => {
    if (waiting !== undefined) return waiting
    const before = running ?? Promise.resolve()
    const proof = before
      .catch(() => {})
      .then(() => {
        waiting = undefined
        running = prove(connection, known, optional, withinMs)
        return running as Promise<string>
      })
    waiting = proof
    return proof
  }
}
