import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import { nameSchema } from '../model/target.ts'
import { type AclUser, type AclVersion, aclUser, type RedisRole } from '../store/index.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'

interface Options {
  readonly pool?: readonly string[]
  readonly redis?: AclVersion
  readonly passwords?: string
}

const mustBeNames = (pools: readonly string[]): readonly string[] => {
  for (const pool of pools) {
    const parsed = nameSchema.safeParse(pool)
    if (!parsed.success)
      throw new TelpherError('usage', `--pool ${pool}: ${parsed.error.issues[0]?.message ?? 'no name'}`, { field: '--pool' })
  }
  return pools
}

/** The sum of a password that lies in a file, which is made where it is missing. */
const passwordSum = async (folder: string, user: string): Promise<string> => {
  const file = join(folder, user)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o400 }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      },
    )
    return createHash('sha256')
      .update((await readFile(file, 'utf8')).trim())
      .digest('hex')
  } catch (cause) {
    throw new TelpherError('usage', `--passwords: ${file} cannot be read or written`, { cause, field: '--passwords' })
  }
}

const lineOf = (user: AclUser): string => `user ${user.user} ${user.rules.join(' ')}\n`

/** `telpher redis-acl`: the users of Redis, each with what its role needs and nothing else. Asks neither a server nor Redis. */
export const runRedisAcl: Command<Options> = async (cli, [role], { pool = ['default'], redis = '7.0', passwords }) => {
  const pools = mustBeNames(pool)
  const wanted = (one: RedisRole): boolean => role === undefined || role === one
  if (role !== undefined && !['server', 'worker', 'producer'].includes(role))
    throw new TelpherError('usage', `there is no role ${role}: server, worker or producer`, { field: 'role' })
  const plain = [
    ...(wanted('server') ? [aclUser('server', { version: redis })] : []),
    ...(wanted('worker') ? pools.map((name) => aclUser('worker', { pool: name, version: redis })) : []),
    ...(wanted('producer') ? [aclUser('producer', { version: redis })] : []),
  ]
  const folder = passwords === undefined ? undefined : resolve(cli.cwd, passwords)
  const users: AclUser[] = []
  for (const user of plain)
    users.push({ ...user, rules: [folder === undefined ? 'resetpass' : `#${await passwordSum(folder, user.user)}`, ...user.rules] })
  await print(cli, users, () => users.map(lineOf).join(''))
  cli.say(
    folder === undefined
      ? 'They have no password and cannot log in: give each one with --passwords FOLDER, or with ACL SETUSER NAME >PASSWORD.'
      : `Their passwords lie in ${folder}, a file for each: name it with ?user=NAME&password_file=FILE in the address.`,
  )
  cli.say('Put the lines into the aclfile of every node, replicas too, and switch the default user off: user default off')
  return exitCodes.ok
}
