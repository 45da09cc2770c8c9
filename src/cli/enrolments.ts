import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { makePoolKey, writePoolKey } from '../credentials/poolkey.ts'
import type { Enrolment } from '../model/enrolment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { age } from './text.ts'

/** `telpher pool enroll NAME`. */
export const runPoolEnroll: Command<{ readonly out: string }> = async (cli, [pool = ''], { out }) => {
  const client = await cli.client()
  const file = resolve(cli.cwd, out)
  const key = makePoolKey()
  // The place is taken first: a key that cannot be written must not be enrolled.
  if (!(await writePoolKey(file, ''))) throw new TelpherError('usage', `--out ${file}: it is there already`, { field: '--out' })
  try {
    const { serverKeys, ...enrolment } = await client.enrolWorkers(pool, key.publicKey)
    await rm(file)
    await writePoolKey(file, key.text(pool, serverKeys))
    await print(cli, { ...enrolment, file }, () => `workers of pool ${pool} enrolled, key ${enrolment.fingerprint}\n`)
  } catch (thrown) {
    await rm(file, { force: true })
    throw thrown
  }
  cli.say(`Their key is in ${file}: bring it to the workers, name it there with TELPHER_POOL_KEY_FILE, and keep it nowhere else.`)
  return exitCodes.ok
}

const rowOf = ({ pool, fingerprint, createdAt }: Enrolment, now: number): string[] => [pool, fingerprint, age(createdAt, now)]

/** `telpher pool enrolments`. */
export const runPoolEnrolments: Command<object> = async (cli, [pool]) => {
  const all = await (await cli.client()).enrolments()
  const enrolments = all.filter((enrolment) => pool === undefined || enrolment.pool === pool)
  const rows = enrolments.map((enrolment) => rowOf(enrolment, Date.now()))
  await print(cli, enrolments, () => (rows.length === 0 ? '' : table(['POOL', 'KEY', 'AGE'], rows)))
  if (rows.length === 0) cli.say('No workers are enrolled. Enrol those of a pool with: telpher pool enroll NAME --out FILE')
  return exitCodes.ok
}

/** `telpher pool revoke NAME KEY`. */
export const runPoolRevoke: Command<object> = async (cli, [pool = '', fingerprint = '']) => {
  await (await cli.client()).revokeEnrolment(pool, fingerprint)
  await print(
    cli,
    { revoked: fingerprint, pool },
    () => `key ${fingerprint} of pool ${pool} revoked: workers with it are given nothing more\n`,
  )
  return exitCodes.ok
}
