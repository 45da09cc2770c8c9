import { randomBytes } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Dockerode from 'dockerode'
import { formsOf } from '../../src/credentials/encodings.ts'
import { namesIn, openAnyRedis } from './anyredis.ts'
import { packedIn, valuesOf } from './rediswalk.ts'

/** A secret that is nowhere but where the test puts it. */
export const newCanary = (): string => `canary-${randomBytes(24).toString('base64url')}`

/** So many bytes of a form in a row are a find: no text has them by chance. */
const telling = 16

/** Looks for canaries in whatever is shown, written or kept, in every form that the masker knows. */
export interface Search {
  /** Looks for these too, from now on. */
  learn(canaries: readonly string[]): void
  /** @param where what a find is called */
  text(where: string, text: string | Uint8Array): void
  /** Every value of a Redis, unpacked where it is packed (gzip, zstd), and what is in it in base64. */
  redis(url: string): Promise<void>
  /** Every file below a folder, or one. @param since only those that were changed after it, ms since the epoch */
  files(path: string, options?: { readonly since?: number; readonly except?: (path: string) => boolean }): Promise<void>
  /** Where canaries were seen; never with their values. */
  finds(): readonly string[]
  /** How many bytes were looked at. */
  looked(): number
}

const pieceLength = 1024 * 1024

/** By their first bytes, of which hardly any other text has some: so a text is passed over once, whatever the number of canaries. */
export const searchFor = (canaries: readonly string[]): Search => {
  const heads = new Map<string, Set<string>>()
  const known = new Uint8Array(2 ** 16)
  const learn: Search['learn'] = (more) => {
    for (const form of more.flatMap((canary) => formsOf(canary).map((each) => each.subarray(0, telling)))) {
      const head = form.toString('latin1', 0, 4)
      heads.set(head, (heads.get(head) ?? new Set()).add(form.toString('latin1')))
      known[((form[0] as number) << 8) | (form[1] as number)] = 1
    }
  }
  learn(canaries)
  const found = new Set<string>()
  let bytes = 0

  const look = (where: string, piece: Uint8Array): void => {
    for (let at = 0; at + telling <= piece.length; at++) {
      if (known[((piece[at] as number) << 8) | (piece[at + 1] as number)] === 0) continue
      const text = Buffer.from(piece.buffer, piece.byteOffset + at, telling).toString('latin1')
      if (heads.get(text.slice(0, 4))?.has(text) === true) found.add(where)
    }
  }
  const text: Search['text'] = (where, given) => {
    const whole = typeof given === 'string' ? Buffer.from(given) : given
    bytes += whole.length
    look(where, whole)
  }
  const file = async (path: string): Promise<void> => {
    let rest = Buffer.alloc(0)
    for await (const piece of createReadStream(path, { highWaterMark: pieceLength })) {
      bytes += (piece as Buffer).length
      const whole = Buffer.concat([rest, piece as Buffer])
      look(path, whole)
      rest = Buffer.from(whole.subarray(-(telling - 1)))
    }
  }
  const filesBelow = (path: string): string[] => {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory() === true)
      return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? filesBelow(join(path, entry.name)) : entry.isFile() ? [join(path, entry.name)] : [],
      )
    return stat?.isFile() === true ? [path] : []
  }
  /** A value, and what it holds packed. */
  const value = (where: string, bytes: Buffer): void => {
    text(where, bytes)
    for (const packed of packedIn(bytes)) text(`${where}, unpacked`, packed)
  }
  return {
    learn,
    text,
    async redis(url) {
      const client = openAnyRedis(url)
      try {
        for (const key of await namesIn(client, '*')) {
          text('the names in Redis', Buffer.from(key))
          for (const held of await valuesOf(client, key)) value(`Redis ${key}`, held)
        }
      } finally {
        client.disconnect()
      }
    },
    async files(path, { since = 0, except = () => false } = {}) {
      for (const each of filesBelow(path)) {
        if (except(each) || (statSync(each, { throwIfNoEntry: false })?.mtimeMs ?? 0) < since) continue
        // What is gone by now was somebody's temporary file; a namespace that is mounted as a file has no bytes.
        await file(each).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT' && error.code !== 'EINVAL') throw error
        })
      }
    },
    finds: () => [...found],
    looked: () => bytes,
  }
}

/** What any user of the machine may see of each process: its arguments, and its environment (root). */
const lookAtProcesses = (search: Search): void => {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    for (const part of ['cmdline', 'environ'])
      try {
        search.text(`/proc/PID/${part}`, readFileSync(`/proc/${pid}/${part}`))
      } catch {
        // It has ended.
      }
}

const lookAtContainers = async (search: Search, docker: Dockerode): Promise<void> => {
  for (const { Id } of await docker.listContainers({ all: true })) {
    const shown = await docker
      .getContainer(Id)
      .inspect()
      .catch(() => ({}))
    search.text('docker inspect', JSON.stringify(shown))
  }
}

/** Looks again and again at what exists only while something runs. @returns stops it, and says how often it looked */
export const watchRunning = (search: Search, socketPath: string): (() => Promise<number>) => {
  const docker = new Dockerode({ socketPath })
  let isOver = false
  let looks = 0
  const watching = (async () => {
    while (!isOver) {
      lookAtProcesses(search)
      await lookAtContainers(search, docker)
      looks++
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  return async () => {
    isOver = true
    await watching
    return looks
  }
}
