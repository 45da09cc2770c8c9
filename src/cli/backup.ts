import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { type BackupSum, openBackup } from '../model/backup.ts'
import { TelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'

interface BackupFlags {
  readonly logs?: boolean
  readonly force?: boolean
}

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`

const sentenceOf = ({ targets, deployments, packages }: BackupSum): string =>
  `${count(targets, 'target')}, ${count(deployments, 'deployment')}, ${count(packages, 'package')}`

/** Reads a backup to its end, which says whether all of it is there. @throws TelpherError backup_damaged */
const check = async (file: string): Promise<BackupSum> => {
  const unpacked = createZstdDecompress()
  // What is wrong with the bytes shows where they are read.
  pipeline(createReadStream(file), unpacked).catch(() => {})
  const { parts } = await openBackup(unpacked)
  for (;;) {
    const next = await parts.next()
    if (next.done === true) return next.value
  }
}

const sizeOf = async (file: string): Promise<number | undefined> => (await stat(file).catch(() => undefined))?.size

const asBadFile = (file: string, thrown: unknown): unknown =>
  thrown instanceof Error && 'syscall' in thrown
    ? new TelpherError('usage', `${file}: ${thrown.message}`, { cause: thrown, field: 'file' })
    : thrown

/** Writes what comes beside the place of the file: a file under its name is whole, and on the disk. */
const receive = async (packed: AsyncIterable<Uint8Array>, file: string): Promise<BackupSum> => {
  const draft = `${file}.part`
  try {
    await rm(draft, { force: true })
    const handle = await open(draft, 'wx', 0o600)
    try {
      for await (const chunk of packed) await handle.write(chunk)
      await handle.sync()
    } finally {
      await handle.close()
    }
    const sum = await check(draft)
    await rename(draft, file)
    return sum
  } catch (thrown) {
    await rm(draft, { force: true }).catch(() => {})
    throw asBadFile(file, thrown)
  }
}

const show = (cli: Cli, sum: BackupSum, before: string): Promise<void> => print(cli, sum, () => `${before}${sentenceOf(sum)}\n`)

/** `telpher backup FILE`: what the server has, checked to its end. */
export const runBackup: Command<BackupFlags> = async (cli, [name = ''], { logs, force }) => {
  const file = resolve(cli.cwd, name)
  if (force !== true && (await sizeOf(file)) !== undefined)
    throw new TelpherError('usage', `${name} is there already: name another, or overwrite it with --force`, { field: 'file' })
  const client = await cli.client()
  cli.say('reading everything that the server keeps')
  const sum = await receive(await client.backup({ logs: logs !== false }), file)
  const size = await sizeOf(file)
  await show(cli, sum, `${name} (${((size ?? 0) / 1e6).toFixed(1)} MB): `)
  if (sum.unfinished > 0)
    cli.say(`${count(sum.unfinished, 'deployment')} had not ended and ${sum.unfinished === 1 ? 'is' : 'are'} not in it`)
  if (sum.targets > 0) cli.say('Its accounts stay sealed: keep a copy of the key file (TELPHER_KEY_FILE) in another place.')
  return exitCodes.ok
}

/** `telpher restore FILE`: checked before anything of it is sent. */
export const runRestore: Command<object> = async (cli, [name = '']) => {
  const file = resolve(cli.cwd, name)
  const client = await cli.client()
  cli.say('checking the file')
  await check(file).catch((thrown: unknown) => {
    throw asBadFile(name, thrown)
  })
  cli.say('writing what is in it')
  await show(cli, await client.restore(Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>), 'restored: ')
  return exitCodes.ok
}
