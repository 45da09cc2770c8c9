import { createConnection, createServer, type NetConnectOpts, type Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** `up` is what the one who connected sends, `down` what is answered. */
export type Direction = 'up' | 'down'

/** How a connection ends: closed at once, with a reset, in one direction only, or silent for a while before it is closed. */
export const manners = ['close', 'reset', 'half', 'stall'] as const
export type Manner = (typeof manners)[number]

/** One cut of one connection, at a byte. */
export interface Cut {
  readonly manner: Manner
  readonly direction: Direction
  /** Bytes that pass in this direction first; wherever it falls, also in the middle of a frame. */
  readonly afterBytes: number
  /** How long it is silent before it is closed, in ms; for a stall. */
  readonly stallMs: number
}

/** Where cuts are waited for, and what passed there. */
export interface Cutter {
  /** Bytes that have passed so far. */
  readonly passed: Readonly<Record<Direction, number>>
  /** How many of its connections stand. */
  open(): number
  /** Cuts the connection on which the byte comes, once. @returns takes it back */
  arm(cut: Cut, onCut: () => void): () => void
  /** Ends every connection, with nothing else of what was sent. */
  sever(): void
  /** Nothing passes any more, and nobody is told; what was sent meanwhile comes late, as after a network that lost every packet. */
  hold(isHeld: boolean): void
  /** Passes everything between two ends, until one of them ends or is cut. */
  join(near: Duplex, far: Duplex): void
}

interface Armed {
  readonly cut: Cut
  left: number
  readonly onCut: () => void
}

const end = (stream: Duplex, manner: Manner): void => {
  // Only TCP has resets.
  if (manner === 'reset' && stream instanceof Socket && stream.remoteFamily !== undefined) stream.resetAndDestroy()
  else if (manner === 'close' && !stream.destroyed) stream.end(() => stream.destroy())
  else stream.destroy()
}

export const createCutter = (): Cutter => {
  const streams = new Set<Duplex>()
  const passed = { up: 0, down: 0 }
  const armed = new Set<Armed>()
  /** What may pass of a chunk, and the cut that comes after it. */
  const take = (direction: Direction, length: number): { passing: number; due: Armed | undefined } => {
    const waiting = [...armed].filter(({ cut }) => cut.direction === direction)
    const first = waiting.toSorted((a, b) => a.left - b.left)[0]
    const due = first !== undefined && first.left < length ? first : undefined
    const passing = due?.left ?? length
    passed[direction] += passing
    for (const one of waiting) one.left -= passing
    if (due !== undefined) armed.delete(due)
    return { passing, due }
  }

  let isHeld = false
  const flow = (stream: Duplex): void => void (isHeld ? stream.pause() : stream.resume())

  const join = (near: Duplex, far: Duplex): void => {
    let mute: Direction | 'both' | undefined
    const cutNow = ({ manner, direction, stallMs }: Cut): void => {
      if (manner === 'half') {
        mute = direction
        const told = direction === 'up' ? far : near
        if (!told.writableEnded) told.end()
        return
      }
      mute = 'both'
      const both = (): void => {
        for (const stream of [near, far]) end(stream, manner)
      }
      if (manner === 'stall') setTimeout(both, stallMs)
      else both()
    }
    const pass = (from: Duplex, to: Duplex, direction: Direction): void => {
      streams.add(from)
      from.on('data', (chunk: Buffer) => {
        if (mute === 'both' || mute === direction) return
        const { passing, due } = take(direction, chunk.length)
        const part = chunk.subarray(0, passing)
        if (part.length > 0 && !to.writableEnded && !to.write(part)) {
          from.pause()
          to.once('drain', () => flow(from))
        }
        if (due === undefined) return
        cutNow(due.cut)
        due.onCut()
      })
      flow(from)
      from.on('error', () => {})
      from.once('end', () => {
        if (mute === undefined && !to.writableEnded) to.end()
      })
      from.once('close', () => {
        streams.delete(from)
        if (mute !== 'both') to.destroy()
      })
    }
    pass(near, far, 'up')
    pass(far, near, 'down')
  }
  return {
    passed,
    open: () => streams.size / 2,
    arm: (cut, onCut) => {
      const one: Armed = { cut, left: cut.afterBytes, onCut }
      armed.add(one)
      return () => void armed.delete(one)
    },
    sever: () => {
      for (const stream of streams) stream.destroy()
    },
    hold: (is) => {
      isHeld = is
      for (const stream of streams) flow(stream)
    },
    join,
  }
}

/** A way to a port or a socket of this machine that can be cut. */
export interface Cuttable {
  /** Where it is entered: a port of 127.0.0.1, or 0 for a way by sockets. */
  readonly port: number
  readonly cutter: Cutter
  /** Until it is mended ends every connection and refuses new ones; `silently`: nothing passes, and nobody is told. */
  cut(silently?: boolean): void
  /** @param to the port that it leads to from now on; the same as before when absent */
  mend(to?: number): void
  close(): Promise<void>
}

const listen = (server: Server, at: string | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    if (at === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(at, resolve)
  })

const openWay = async (onward: () => NetConnectOpts, lead: (to: number) => void, at?: string): Promise<Cuttable> => {
  const cutter = createCutter()
  let isCut = false
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (isCut) return void socket.destroy()
    const far = createConnection({ allowHalfOpen: true, noDelay: true, ...onward() })
    cutter.join(socket, far)
  })
  await listen(server, at)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cutter,
    cut: (silently = false) => {
      if (silently) return cutter.hold(true)
      isCut = true
      cutter.sever()
    },
    mend: (to) => {
      if (to !== undefined) lead(to)
      isCut = false
      cutter.hold(false)
    },
    close: () =>
      new Promise((resolve) => {
        cutter.sever()
        server.close(() => resolve())
      }),
  }
}

/** Passes connections on to a port of 127.0.0.1. */
export const cuttable = (first: number): Promise<Cuttable> => {
  let port = first
  return openWay(
    () => ({ port, host: '127.0.0.1' }),
    (to) => {
      port = to
    },
  )
}

/** Passes connections on to a Unix socket. @param at where it is entered, itself a socket's path */
export const cuttableSocket = (path: string, at: string): Promise<Cuttable> =>
  openWay(
    () => ({ path }),
    () => {},
    at,
  )

/**
 * A stream that leads through a socket to another one, and can be cut on its way, as a container's way to its worker can.
 * @param at a free path for that socket
 */
export const throughCutter = async (far: Duplex, cutter: Cutter, at: string): Promise<Socket> => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    server.close()
    cutter.join(socket, far)
  })
  await listen(server, at)
  const near = createConnection({ path: at, allowHalfOpen: true })
  near.on('error', () => {})
  return near
}
