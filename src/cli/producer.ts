import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import type { Producer } from '../model/producer.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { age } from './text.ts'

interface AddFlags {
  readonly keyFile?: string
  readonly publicKey?: string
  readonly tag?: readonly string[]
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const readKey = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new TelpherError('usage', `--public-key ${file}: ${reason(error)}`, { field: '--public-key' })
  }
}

interface Keys {
  readonly publicKey: string
  /** Of a key that is made here. */
  readonly privateKey?: string
}

const newKeys = (): Keys => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** A file that only its owner may read, and that was not there. */
const writeKey = (file: string, key: string): void => {
  try {
    writeFileSync(file, key, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw new TelpherError('usage', `--key-file ${file}: ${reason(error)}`, { field: '--key-file' })
  }
}

/** `telpher producer add NAME`. */
export const runProducerAdd: Command<AddFlags> = async (cli, [name = ''], { keyFile, publicKey: given, tag }) => {
  if (keyFile !== undefined && given !== undefined)
    throw new TelpherError('usage', '--key-file is for a new key: leave it out beside --public-key', { field: '--key-file' })
  const client = await cli.client()
  const file = resolve(cli.cwd, keyFile ?? `${name}.key`)
  const { publicKey, privateKey } = given === undefined ? newKeys() : { publicKey: readKey(resolve(cli.cwd, given)) }
  const asked = { name, publicKey, ...(tag === undefined ? {} : { tags: [...tag] }) }
  // A file that was there already ends it here: what is removed below was written here.
  if (privateKey !== undefined) writeKey(file, privateKey)
  const producer = await client.addProducer(asked).catch((thrown: unknown) => {
    // The key of nobody.
    if (privateKey !== undefined) rmSync(file, { force: true })
    throw thrown
  })
  await print(cli, producer, () => `producer ${name} enrolled, key ${producer.fingerprint}\n`)
  if (privateKey === undefined) cli.say(`It seals packages to the servers that have this key (serverKey):\n${producer.serverKey}`)
  else {
    appendFileSync(file, producer.serverKey)
    chmodSync(file, 0o400)
    cli.say(`Its private key is in ${file}, with the key of the servers: move it to where the service runs, and nowhere else.`)
  }
  if (tag === undefined) cli.say('It may deploy to every target: limit it with --tag.')
  return exitCodes.ok
}

const rowOf = (producer: Producer, now: number): string[] => [
  producer.name,
  producer.tags?.join(', ') ?? '(every target)',
  producer.fingerprint,
  age(producer.createdAt, now),
]

/** `telpher producer list`. */
export const runProducerList: Command<object> = async (cli) => {
  const producers = await (await cli.client()).producers()
  const rows = producers.map((producer) => rowOf(producer, Date.now()))
  await print(cli, producers, () => (rows.length === 0 ? '' : table(['NAME', 'TARGETS', 'KEY', 'AGE'], rows)))
  if (rows.length === 0) cli.say('No producers yet. Enrol one with: telpher producer add NAME')
  return exitCodes.ok
}

/** `telpher producer remove NAME`. */
export const runProducerRemove: Command<object> = async (cli, [name = '']) => {
  await (await cli.client()).removeProducer(name)
  await print(cli, { removed: name }, () => `producer ${name} removed: nothing more of it is taken\n`)
  return exitCodes.ok
}
