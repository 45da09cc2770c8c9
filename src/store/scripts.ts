import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'

/** The scripts beside this module, by file name: each says its KEYS and ARGV at its head. */
export type ScriptName =
  | 'beat'
  | 'begin-request'
  | 'change-deployment'
  | 'change-job'
  | 'create-deployment'
  | 'create-target'
  | 'emit'
  | 'list-workers'
  | 'log-append'
  | 'log-end'
  | 'put-chunk'
  | 'remove-target'
  | 'renew-claim'
  | 'swap-lock'

const loaded = new Map<ScriptName, { readonly lua: string; readonly sha: string }>()

const load = (name: ScriptName): { readonly lua: string; readonly sha: string } => {
  const known = loaded.get(name)
  if (known !== undefined) return known
  const lua = readFileSync(join(import.meta.dirname, 'scripts', `${name}.lua`), 'utf8')
  const script = { lua, sha: createHash('sha1').update(lua).digest('hex') }
  loaded.set(name, script)
  return script
}

/** Runs a script by its sum, sending its text only to a Redis that does not know it yet. */
export const runScript = async (
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> => {
  const { lua, sha } = load(name)
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return await redis.eval(lua, keys.length, ...keys, ...args)
  }
}
