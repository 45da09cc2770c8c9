import { createHash } from 'node:crypto'
import { z } from 'zod'
import { TelpherError } from './errors.ts'

/** A text, or bytes that are no text as base64 in an array. */
export type BackupValue = string | readonly [base64: string]

/** What a backup begins with. */
export interface BackupHeader {
  readonly telpher: 'backup'
  readonly format: 1
  /** The version of what is stored. */
  readonly schema: number
  /** ms since the epoch. */
  readonly at: number
  /** The master keys that its accounts are sealed with: without them they cannot be opened. */
  readonly kids: readonly string[]
}

/** A key of Redis, or one of the parts of a large one. */
export interface BackupPart {
  readonly key: string
  readonly type: 'hash' | 'zset' | 'stream'
  /** Whether what is there under this key goes first. */
  readonly first: boolean
  /** ms since the epoch. */
  readonly expiresAt?: number | undefined
  /** Field and value; member and score; or id, fields and values of an entry. */
  readonly rows: readonly (readonly BackupValue[])[]
}

/** What a backup holds. */
export interface BackupSum {
  readonly targets: number
  readonly deployments: number
  /** Those that had not ended, and are not in it. */
  readonly unfinished: number
  readonly packages: number
}

const valueSchema = z.union([z.string(), z.tuple([z.base64()]).readonly()])

const headerSchema: z.ZodType<BackupHeader> = z.object({
  telpher: z.literal('backup'),
  format: z.literal(1),
  schema: z.number().int().min(1),
  at: z.number(),
  kids: z.array(z.string()).readonly(),
})

const partSchema: z.ZodType<BackupPart> = z.object({
  key: z.string().min(1),
  type: z.enum(['hash', 'zset', 'stream']),
  first: z.boolean(),
  expiresAt: z.number().optional(),
  rows: z.array(z.array(valueSchema).min(2).readonly()).readonly(),
})

const endSchema = z.object({
  end: z.object({ targets: z.number(), deployments: z.number(), unfinished: z.number(), packages: z.number() }),
  /** Of every line before this one. */
  sha256: z.string(),
})

/** No line that is written is nearly so long, in bytes. */
const longestLine = 32 * 1024 * 1024

const damaged = (what: string, cause?: unknown): TelpherError =>
  new TelpherError('backup_damaged', `this is no whole backup: ${what}`, cause === undefined ? {} : { cause })

async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let size = 0
  const take = (rest: Buffer): Buffer => {
    const line = Buffer.concat([...waiting, rest])
    waiting = []
    size = 0
    return line
  }
  for await (const chunk of source) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      yield take(rest.subarray(0, at))
      rest = rest.subarray(at + 1)
    }
    size += rest.length
    if (size > longestLine) throw damaged('a line of it has no end')
    if (rest.length > 0) waiting.push(rest)
  }
  if (size > 0) yield take(Buffer.alloc(0))
}

const parseLine = (line: Buffer, number: number): unknown => {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch (cause) {
    throw damaged(`line ${number} cannot be read`, cause)
  }
}

/**
 * A backup as text: a header, a line for each part, and what it holds with a checksum.
 * @param contents yields the parts and returns what they were
 */
export async function* writeBackup(header: BackupHeader, contents: AsyncGenerator<BackupPart, BackupSum>): AsyncGenerator<string> {
  const hash = createHash('sha256')
  const lineOf = (value: unknown): string => {
    const line = `${JSON.stringify(value)}\n`
    hash.update(line)
    return line
  }
  yield lineOf(header)
  for (;;) {
    const next = await contents.next()
    if (next.done === true) {
      yield `${JSON.stringify({ end: next.value, sha256: hash.digest('hex') })}\n`
      return
    }
    yield lineOf(next.value)
  }
}

/** A backup that is being read: first its header, then its parts, and in the end what it held. */
export interface OpenedBackup {
  readonly header: BackupHeader
  /** @throws TelpherError backup_damaged at the place where it is */
  readonly parts: AsyncGenerator<BackupPart, BackupSum>
}

/**
 * Reads what `writeBackup` wrote, and is sure of it only at its end.
 * @param source bytes, in pieces of any size
 * @throws TelpherError backup_damaged
 */
export const openBackup = async (source: AsyncIterable<Uint8Array>): Promise<OpenedBackup> => {
  const hash = createHash('sha256')
  const lines = linesOf(source)
  const take = async (): Promise<Buffer | undefined> => {
    try {
      const next = await lines.next()
      return next.done === true ? undefined : next.value
    } catch (thrown) {
      // What cannot be unpacked was damaged too.
      throw thrown instanceof TelpherError ? thrown : damaged('it ends in the middle, or is something else', thrown)
    }
  }
  const count = (line: Buffer): void => {
    hash.update(line).update('\n')
  }
  const first = await take()
  const header = headerSchema.safeParse(first === undefined ? undefined : parseLine(first, 1))
  if (first === undefined || !header.success) throw damaged('it does not begin like one')
  count(first)

  const read = async function* (): AsyncGenerator<BackupPart, BackupSum> {
    for (let number = 2; ; number++) {
      const line = await take()
      if (line === undefined) throw damaged(`it ends after ${number - 1} lines, before its end`)
      const value = parseLine(line, number)
      const end = endSchema.safeParse(value)
      if (end.success) {
        if (end.data.sha256 !== hash.digest('hex')) throw damaged('its checksum is another')
        if ((await take()) !== undefined) throw damaged('it goes on after its end')
        return end.data.end
      }
      const part = partSchema.safeParse(value)
      if (!part.success) throw damaged(`line ${number} is nothing that a backup has`)
      count(line)
      yield part.data
    }
  }
  return { header: header.data, parts: read() }
}
