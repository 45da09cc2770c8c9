import { connect, type Socket } from 'node:net'
import { type AddressCheck, ownMachine } from '../src/cluster/addresses.ts'
import { hostOf, portOf } from '../src/cluster/connection.ts'
import { TelpherError, toTelpherError } from '../src/model/errors.ts'
import type { PipeMail, PipeRequest } from '../src/model/pipe.ts'
import { addressesOf, type Target } from '../src/model/target.ts'
import { createEndpoint, createLine, type Endpoint, type Line, type PipeEnd, type PipeEvents } from '../src/pipe/index.ts'

const connectMs = 10_000
const keepAliveMs = 5000
/** Pipes that idle between requests count too; a server has few to one API server. */
const mostPipes = 1024

export interface PipesOptions {
  /** Of this worker. */
  readonly id: string
  readonly pool: string
  readonly mail: PipeMail
  /** @throws TelpherError unknown_target, redis_* */
  readonly findTarget: (name: string) => Promise<Target>
  /** Which addresses targets may have; those of a person's own machine when absent. */
  readonly addresses?: AddressCheck
  readonly log: (line: object) => void
}

/** @throws TelpherError pipe_refused when it is not what this worker knows of a target of its pool */
const addressOf = (target: Target, asked: PipeRequest, pool: string): URL => {
  if (target.pool !== pool) throw new TelpherError('pipe_refused', `target ${target.name} is not of pool ${pool}`)
  if (!addressesOf(target).includes(asked.server)) throw new TelpherError('pipe_refused', `target ${target.name} has another address`)
  return new URL(asked.server)
}

/** @throws TelpherError target_address */
const dial = (base: URL, { mustAllow, lookup }: AddressCheck): Socket => {
  mustAllow(hostOf(base))
  const socket = connect({
    host: hostOf(base),
    port: portOf(base),
    lookup,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  })
  const late = (): void => void socket.destroy(Object.assign(new Error('no connection within 10 s'), { code: 'ETIMEDOUT' }))
  const timer = setTimeout(late, connectMs)
  const clear = (): void => clearTimeout(timer)
  return socket.once('connect', clear).once('close', clear)
}

/** Carries bytes between the two until both directions have ended. */
const join = (socket: Socket, line: Line): void => {
  const { connection } = line
  socket.pipe(connection).pipe(socket)
  socket.once('close', (hadError) => {
    // What came before its end still waits for its reader.
    if (hadError || !socket.readableEnded) connection.destroy()
    else connection.resume()
  })
}

const carry = async (
  asked: PipeRequest,
  end: PipeEnd,
  line: Line,
  { findTarget, pool, addresses = ownMachine }: PipesOptions,
): Promise<void> => {
  const target = await findTarget(asked.target).catch((thrown: unknown) => {
    const { code, message } = toTelpherError(thrown)
    throw new TelpherError(code === 'unknown_target' ? 'pipe_refused' : 'pipe_cut', message)
  })
  const address = addressOf(target, asked, pool)
  if (line.connection.destroyed) return
  const socket = dial(address, addresses)
  socket.on('error', line.fail)
  line.connection.once('close', () => socket.destroy())
  socket.once('connect', () => {
    end.opened()
    line.start()
    join(socket, line)
  })
}

/**
 * Carries the bytes of servers to the API servers of this pool's targets and back: TLS of theirs, of which it sees ciphertext only. It dials
 * what the store says of a target, and nothing that a message says.
 * @returns `ready` resolves when servers find it; `close` ends every pipe
 */
export const carryPipes = (options: PipesOptions): Pick<Endpoint, 'ready' | 'count' | 'close'> => {
  const onOpen = (asked: PipeRequest, end: PipeEnd): PipeEvents => {
    const line = createLine()
    line.connection.on('error', () => {})
    line.attach(end)
    end.accepted()
    carry(asked, end, line, options).catch(line.fail)
    return line.events
  }
  return createEndpoint({ id: options.id, mail: options.mail, onOpen, maxPipes: mostPipes, log: options.log })
}
