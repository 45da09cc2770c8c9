import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from './clients.ts'

/** The scripts beside this module, by file name: each says its KEYS and ARGV at its head. */
export type ScriptName =
  | 'advance-schema'
  | 'append-audit'
  | 'append-ledger'
  | 'ask-drain'
  | 'ask-rotation'
  | 'answer-request'
  | 'beat'
  | 'begin-request'
  | 'change-deployment'
  | 'change-job'
  | 'claim-age'
  | 'claim-rotation'
  | 'clear-outbox'
  | 'create-deployment'
  | 'create-target'
  | 'emit'
  | 'enter-room'
  | 'finish-package'
  | 'finish-request'
  | 'forget-member'
  | 'leave-room'
  | 'list-workers'
  | 'keep-program'
  | 'keep-rotation'
  | 'leave-behind'
  | 'log-append'
  | 'log-end'
  | 'mark-audit'
  | 'mark-shed'
  | 'note-uses'
  | 'pipe-listen'
  | 'pipe-send'
  | 'prove-check'
  | 'prove-claim'
  | 'put-chunk'
  | 'put-secret'
  | 'remove-deployment'
  | 'remove-package'
  | 'remove-target'
  | 'renew-claim'
  | 'seal-audit'
  | 'send-request'
  | 'settle-job'
  | 'step-rotation'
  | 'swap-field'
  | 'swap-lock'
  | 'swap-sealed'
  | 'take-place'
  | 'time'
  | 'trim-audit'
  | 'use-package'

/**
 * What running deployments need to come to a right end: these write even when Redis is full. Each writes little, and
 * no more of it than there are deployments that were taken before.
 */
const reserved: ReadonlySet<ScriptName> = new Set<ScriptName>([
  'answer-request',
  'append-audit',
  'append-ledger',
  'beat',
  'change-deployment',
  'change-job',
  'emit',
  'enter-room',
  'finish-request',
  'leave-room',
  'mark-audit',
  'note-uses',
  'pipe-listen',
  'pipe-send',
  'prove-check',
  'prove-claim',
  'renew-claim',
  'seal-audit',
  'send-request',
  'settle-job',
  'swap-lock',
  'use-package',
])

/**
 * A full Redis refuses a script's first write only, since it cannot be stopped half-way (redis.io/docs/latest/develop/programmability/lua-api,
 * script flags: allow-oom, which Redis 6.2 has not): so the first one deletes a key of the same slot that never exists.
 */
const reservePrelude = "redis.call('DEL', KEYS[1] .. ':none')\n"

const loaded = new Map<string, { readonly lua: string; readonly sha: string }>()

const load = (name: ScriptName, isReserved: boolean): { readonly lua: string; readonly sha: string } => {
  const key = `${name} ${isReserved}`
  const known = loaded.get(key)
  if (known !== undefined) return known
  const text = readFileSync(join(import.meta.dirname, 'scripts', `${name}.lua`), 'utf8')
  const lua = isReserved ? reservePrelude + text : text
  const script = { lua, sha: createHash('sha1').update(lua).digest('hex') }
  loaded.set(key, script)
  return script
}

/**
 * Runs a script by its sum, sending its text only to a Redis that does not know it yet.
 * @param useReserve writes although Redis is full; those that running deployments need always do
 */
export const runScript = async (
  redis: Client,
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
  useReserve: boolean = false,
): Promise<unknown> => {
  const { lua, sha } = load(name, useReserve || reserved.has(name))
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return await redis.eval(lua, keys.length, ...keys, ...args)
  }
}
