import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TelpherError } from '../model/errors.ts'

/** A socket's path is an array of 108 bytes with its end (unix(7)); a longer one would be cut. */
const longestPath = 107
const name = (): string => `${process.pid}-${randomBytes(8).toString('hex')}`

/** A Unix socket through which one shim, and nothing after it, reaches this worker. */
export interface Door {
  /** On the host of the worker, which must be that of the engine. */
  readonly path: string
  /** The shim's stream. Never settles when it does not come. */
  readonly entered: Promise<Socket>
  /** Nobody comes in any more; who is in stays. */
  close(): void
}

/** Makes doors in a folder. */
export interface Doors {
  open(): Promise<Door>
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Takes away what workers of this folder left that were killed. */
const sweep = (folder: string): void => {
  for (const left of readdirSync(folder))
    if (!isAlive(Number.parseInt(left, 10))) void rm(`${folder}/${left}`, { force: true }).catch(() => {})
}

const openDoor = async (folder: string): Promise<Door> => {
  const path = `${folder}/${name()}`
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const close = (): void => {
    server.close()
  }
  const entered = new Promise<Socket>((resolve) => {
    // The shim comes before any job exists, so whoever a job brings along finds the door shut.
    server.once('connection', (socket) => {
      close()
      // Whoever uses the stream hears of its error; one that nobody uses yet must not take the worker with it.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  // The folder is the worker's alone; in the container, only the shim's user is there to connect.
  chmodSync(path, 0o666)
  return { path, entered, close }
}

/**
 * Doors of this process in a folder of the worker's; what dead workers left there goes.
 * @returns undefined when the folder's path is too long for a socket
 */
export const doorsIn = (folder: string): Doors | undefined => {
  if (Buffer.byteLength(`${folder}/${name()}`) > longestPath) return undefined
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  sweep(folder)
  return { open: () => openDoor(folder) }
}

/**
 * Milliseconds that the shim's stream may outlive the engine's. A shim stays until its worker has taken everything and leaves, and what
 * it closes is heard here before the engine has passed it on: longer, and the engine is gone, with it whoever could end the container.
 */
const outlives = 200

/**
 * The tether of a started container: the door, if the shim comes through it, else the engine's stream. Whichever says something first
 * is the one that the shim uses.
 * @param attached the engine's stream, on which a shim that dies says why
 */
export const tetherOf = async (attached: Duplex, door: Door): Promise<Duplex> => {
  const chosen = new AbortController()
  const nothing = (): undefined => undefined
  const spoke = once(attached, 'readable', { signal: chosen.signal }).then(nothing, nothing)
  const first = await Promise.race([door.entered, spoke])
  // Whoever listens for what can be read keeps a stream from flowing.
  chosen.abort()
  door.close()
  if (first === undefined) return attached
  const cut = (message: string): void => {
    first.destroy(new TelpherError('tether_cut', message))
  }
  attached.on('error', (error) => cut(error.message))
  attached.on('end', () => {
    const timer = setTimeout(() => cut('The engine of the container is gone.'), outlives)
    first.once('close', () => clearTimeout(timer))
  })
  attached.resume()
  first.once('close', () => attached.destroy())
  return first
}
