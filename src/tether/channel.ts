import { Duplex } from 'node:stream'

/** Bytes that each side may send on a channel before it gets credit: the same as the shim's. */
export const channelWindow: number = 256 * 1024
const chunkSize = 32 * 1024
/** Credit is given in pieces: a short exchange needs none, and three quarters of the window are always open. */
const creditPiece = channelWindow / 4

/** How a CLOSE frame ends a channel: one direction, or both at once. */
export const closeEnd = 0
const closeReset = 1

/** What a channel needs of its session. */
interface ChannelWire {
  data(chunk: Buffer): void
  close(how: number): void
  credit(bytes: number): void
}

/** A tunnelled connection: what the session gives and takes, beside the Duplex that everyone else sees. */
export interface Channel {
  readonly connection: Duplex
  received(chunk: Buffer): void
  closed(how: number): void
  granted(bytes: number): void
  /** What carries it is gone: ends both directions at once, and tells nobody at the other end. */
  failed(error: Error): void
}

/** Node's http.Server asks these of the sockets it is given; a tunnelled connection has nothing to set. */
const socketManners = {
  setTimeout() {
    return this
  },
  setNoDelay() {
    return this
  },
  setKeepAlive() {
    return this
  },
  ref() {
    return this
  },
  unref() {
    return this
  },
}

/**
 * One connection of the job as a Duplex with half-close. What the job sends waits here only as far as its window
 * goes; what is written waits for the shim's credit.
 * @param allowed bytes that may be sent at once; none where the other end is not there yet
 */
export const createChannel = (wire: ChannelWire, allowed: number = channelWindow): Channel => {
  let room = allowed
  let unread = channelWindow
  let waiting: { rest: Buffer; done: (error?: Error | null) => void } | undefined
  let over = false

  const sendWaiting = (): void => {
    while (waiting !== undefined && room > 0 && waiting.rest.length > 0) {
      const piece = waiting.rest.subarray(0, Math.min(room, chunkSize))
      room -= piece.length
      waiting.rest = waiting.rest.subarray(piece.length)
      wire.data(piece)
    }
    if (waiting !== undefined && waiting.rest.length === 0) {
      const { done } = waiting
      waiting = undefined
      done()
    }
  }

  const pay = (): void => {
    const taken = channelWindow - unread - connection.readableLength
    if (taken < creditPiece || connection.destroyed) return
    unread += taken
    wire.credit(taken)
  }

  const connection: Duplex = new Duplex({
    allowHalfOpen: true,
    // Credit is given as bytes are taken, not as they arrive. Asked for before the reader has taken what is there, so counted after it.
    read() {
      process.nextTick(pay)
    },
    write(chunk: Buffer, _encoding, done) {
      waiting = { rest: chunk, done }
      sendWaiting()
    },
    final(done) {
      if (!over) wire.close(closeEnd)
      done()
    },
    destroy(error, done) {
      // Once both ends were said, what the shim still has to write is to be written.
      if (!over && !(connection.readableEnded && connection.writableFinished)) wire.close(closeReset)
      over = true
      waiting?.done(error ?? new Error('the connection was closed'))
      waiting = undefined
      done(error)
    },
  })
  Object.assign(connection, socketManners)

  return {
    connection,
    received(chunk) {
      if (connection.destroyed || connection.readableEnded) return
      unread -= chunk.length
      if (unread < 0) throw new RangeError('more than the window')
      connection.push(chunk)
    },
    closed(how) {
      if (how === closeReset) {
        over = true
        connection.destroy()
      } else connection.push(null)
    },
    granted(bytes) {
      room = Math.min(room + bytes, channelWindow)
      sendWaiting()
    },
    failed(error) {
      over = true
      connection.destroy(error)
    },
  }
}
