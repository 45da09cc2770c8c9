import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { schemaKeys } from './keys.ts'

/** How often a program says that it uses the data, in ms. */
const keepMs = 5000
/** One that said nothing for so long does not use it any more, in ms. */
const silentMs = 30_000

const goodbyeMs = 500

const tooOld = (oldest: number, known: number): TelpherError =>
  new TelpherError(
    'store_newer',
    `Redis holds data for programs that know version ${oldest} of it or a newer one; this program knows versions up to ${known}`,
  )

/**
 * That a program may use what is stored, be it of a newer version: a step says where older programs may not.
 * @param known the version of data that it knows
 * @throws TelpherError store_newer
 */
export const mustNotBeLeftBehind = async (connection: Connection, known: number): Promise<void> => {
  const oldest = Number(await connection.call((redis) => redis.get(schemaKeys.oldest)))
  if (oldest > known) throw tooOld(oldest, known)
}

/**
 * Before a step that older programs could not work with: nobody of them may begin from now on.
 * @param version that of the data after the step
 * @throws TelpherError store_in_use that names those which use it now
 */
export const leaveBehind = async (connection: Connection, version: number): Promise<void> => {
  const older = (await connection.script('leave-behind', [schemaKeys.programs, schemaKeys.oldest], [version, silentMs])) as string[]
  if (older.length === 0) return
  const names = older.map((program) => program.split(' ').slice(1, -1).join(' ')).sort()
  throw new TelpherError('store_in_use', `the data goes to version ${version}, which is nothing for ${names.join(', ')}`)
}

/** A program that says of itself that it uses the data. */
export interface KeptProgram {
  stop(): Promise<void>
}

/**
 * Says of a program that it uses the data, until it ends.
 * @param known the version of data that it knows
 * @param name for people, such as `worker eu-1`
 * @param onLeftBehind told once when it may use the data no longer
 * @throws TelpherError store_newer when it may not begin
 */
export const keepProgram = async (
  connection: Connection,
  {
    known,
    name,
    onLeftBehind = () => {},
  }: { readonly known: number; readonly name: string; readonly onLeftBehind?: (why: TelpherError) => void },
): Promise<KeptProgram> => {
  const program = `${known} ${name} ${randomUUID()}`
  const keep = async (): Promise<void> => {
    // In this order: who is not seen by a step that leaves it behind sees that step.
    await connection.script('keep-program', [schemaKeys.programs], [program, silentMs])
    await mustNotBeLeftBehind(connection, known)
  }
  const leave = async (): Promise<void> => {
    await connection.call((redis) => redis.zrem(schemaKeys.programs, program)).catch(() => {})
  }
  await keep().catch(async (thrown: unknown) => {
    await leave()
    throw thrown
  })
  const timer = setInterval(() => {
    // Where Redis is away nobody takes the data anywhere.
    keep().catch((thrown: unknown) => {
      if (!(thrown instanceof TelpherError && thrown.code === 'store_newer')) return
      clearInterval(timer)
      onLeftBehind(thrown)
    })
  }, keepMs)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      // Its goodbye to a Redis that is away would last as long as a call.
      await Promise.race([leave(), sleep(goodbyeMs)])
    },
  }
}
