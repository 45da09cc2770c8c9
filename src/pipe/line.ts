import { type Channel, channelWindow, closeEnd, createChannel } from '../tether/channel.ts'
import type { PipeEnd, PipeEvents } from './endpoint.ts'

/** One pipe as a channel: bytes go both ways, each side no further ahead of the other's reader than its window. */
export interface Line {
  readonly connection: Channel['connection']
  /** What comes for it. */
  readonly events: PipeEvents
  /** From now on what is written is sent over this end. */
  attach(end: PipeEnd): void
  /** The other end takes bytes. */
  start(): void
  /** Ends both directions; the other end is told why. */
  fail(error: Error): void
}

/** @param onGivenUp called when it is closed before it is attached to anything */
export const createLine = (onGivenUp: () => void = () => {}): Line => {
  let end: PipeEnd | undefined
  let isEnded = false
  let why: Error | undefined

  const channel = createChannel(
    {
      data: (chunk) => end?.data(chunk),
      credit: (bytes) => end?.credit(bytes),
      close(how) {
        if (how !== closeEnd) return end === undefined ? onGivenUp() : end.reset(why)
        isEnded = true
        end?.end()
      },
    },
    0,
  )
  const { connection } = channel
  connection.once('close', () => end?.forget())

  const fail = (error: Error): void => {
    why ??= error
    connection.destroy(error)
  }

  return {
    connection,
    events: {
      data(chunk) {
        try {
          channel.received(chunk)
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)))
        }
      },
      credit: channel.granted,
      end: () => channel.closed(closeEnd),
      reset: channel.failed,
    },
    attach(to) {
      end = to
      if (isEnded) to.end()
    },
    start: () => channel.granted(channelWindow),
    fail,
  }
}
