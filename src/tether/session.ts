import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import { type Channel, createChannel } from './channel.ts'
import { createDecoder, type Frame, maxPayload, violation } from './frames.ts'
import { createOutputs, type OnOutput } from './outputs.ts'
import { type ExitRecord, parseExit, parseFault, parseReady, type TetherReady } from './records.ts'
import { type SignalName, signalNumber } from './signals.ts'
import { agreedVersion } from './version.ts'
import { createWire } from './wire.ts'

/** The one program of a container. */
export interface TetherJob {
  readonly argv: readonly string[]
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** A tar stream that is unpacked under the shim's working directory before the program starts. */
  readonly files?: AsyncIterable<Uint8Array>
}

export interface TetherOptions {
  readonly onOutput: OnOutput
  /** Receives each connection that the job opens, as a Duplex with half-close. */
  readonly onConnection: (connection: Duplex) => void
  /** How often the shim is told that we are here, in ms. */
  readonly pingMs?: number
  /** Silence after which the container counts as lost, in ms. */
  readonly silenceMs?: number
}

/** The worker's end of a tether. */
export interface Tether {
  /** Rejects with tether_version, tether_protocol, tether_cut or tether_silent. */
  readonly ready: Promise<TetherReady>
  /**
   * Runs the job, once.
   * @throws TelpherError job_not_started, tether_cut (the stream ended before the exit record), tether_corrupt,
   *   tether_silent, tether_protocol
   */
  run(job: TetherJob): Promise<ExitRecord>
  /** Sends a signal to the job's process group, as soon as there is one; nothing once it has ended. */
  signal(name: SignalName): void
  /** Ends the session: the shim ends itself and the job. */
  destroy(cause?: Error): void
}

/** A session's states; each names those that may follow. */
const follows = {
  opening: ['ready', 'closed'],
  ready: ['running', 'closed'],
  running: ['exited', 'closed'],
  exited: ['closed'],
  closed: [],
} as const
type State = keyof typeof follows

const outputs = { out: 'stdout', err: 'stderr' } as const
const outputChannels = { stdout: 1, stderr: 2 } as const
const firstConnection = 3
const ackEvery = 128

/**
 * Speaks the tether over a stream whose other end is a shim.
 * @param stream bytes to and from the shim; the session destroys it when it is over
 */
export const openTether = (stream: Duplex, options: TetherOptions): Tether => {
  const { pingMs = 5000, silenceMs = 30_000 } = options
  const wire = createWire(stream)
  const decoder = createDecoder()
  const channels = new Map<number, Channel>()
  const ready = Promise.withResolvers<TetherReady>()
  const exit = Promise.withResolvers<ExitRecord>()
  const taken = createOutputs(options.onOutput, (name, bytes) => wire.sendNumber('credit', outputChannels[name], bytes))
  let state: State = 'opening'
  let received = 0
  let opened = firstConnection - 1
  let heardAt = performance.now()

  const enter = (next: State): void => {
    if (!(follows[state] as readonly State[]).includes(next)) throw violation(`${next} while ${state}`)
    state = next
  }

  const close = (cause: TelpherError): void => {
    if (state === 'closed') return
    enter('closed')
    clearInterval(pulse)
    for (const { connection } of channels.values()) connection.destroy()
    channels.clear()
    stream.destroy()
    ready.reject(cause)
    exit.reject(cause)
  }

  const open = (id: number): void => {
    if (id !== opened + 1) throw violation(`channel ${id} opened after ${opened}`)
    opened = id
    const channel = createChannel({
      data: (chunk) => wire.send('data', id, chunk),
      close: (how) => wire.send('close', id, Buffer.of(how)),
      credit: (bytes) => wire.sendNumber('credit', id, bytes),
    })
    channels.set(id, channel)
    channel.connection.once('close', () => channels.delete(id))
    channel.connection.on('error', () => {})
    options.onConnection(channel.connection)
  }

  const onReady = (payload: Buffer): void => {
    const said = parseReady(payload)
    const version = agreedVersion(said)
    enter('ready')
    wire.sendJson('hello', { version, session: randomUUID(), resume: 0 })
    ready.resolve(said)
  }

  const onExit = (payload: Buffer): void => {
    const record = parseExit(payload)
    enter('exited')
    taken
      .taken()
      .then(() => {
        taken.check(record)
        exit.resolve(record)
      })
      .catch((thrown: unknown) => exit.reject(thrown))
  }

  const onFault = (payload: Buffer): void => {
    const { code, message } = parseFault(payload)
    if (code === 'missing_binary' || code === 'bad_files') throw new TelpherError('job_not_started', message)
    throw code === 'version' ? new TelpherError('tether_version', message) : violation(message)
  }

  const handleChannel = ({ type, channel: id, payload }: Frame): void => {
    if (id < firstConnection || id > opened) throw violation(`channel ${id} was never opened`)
    const channel = channels.get(id)
    if (channel === undefined) return
    if (type === 'data') channel.received(payload)
    else if (type === 'close') channel.closed(payload.readUInt8(0))
    else channel.granted(payload.readUInt32BE(0))
  }

  const handle = (frame: Frame): void => {
    if (frame.sequence !== received + 1) throw violation(`frame ${frame.sequence} came after frame ${received}`)
    received = frame.sequence
    if (received % ackEvery === 0) wire.sendNumber('ack', 0, received)
    switch (frame.type) {
      case 'ready':
        onReady(frame.payload)
        break
      case 'out':
      case 'err':
        if (state !== 'running') throw violation(`output while ${state}`)
        taken.receive(outputs[frame.type], frame.payload)
        break
      case 'exit':
        onExit(frame.payload)
        break
      case 'fault':
        onFault(frame.payload)
        break
      case 'open':
        open(frame.channel)
        break
      case 'data':
      case 'close':
      case 'credit':
        handleChannel(frame)
        break
      case 'pong':
      case 'ack':
        break
      default:
        throw violation(`${frame.type} is not for a worker`)
    }
  }

  /** A shim without a job drops signals: what comes before the job follows it. */
  let begun = false
  let early: SignalName | undefined
  const sendSignal = (name: SignalName): void => wire.send('signal', 0, Buffer.of(signalNumber(name)))

  const sendFiles = async (files: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of files) {
      for (let at = 0; at < chunk.length; at += maxPayload) {
        wire.send('files', 0, Buffer.from(chunk.subarray(at, at + maxPayload)))
        await wire.drained()
      }
    }
    wire.send('files')
  }

  const pulse = setInterval(() => {
    const silence = performance.now() - heardAt
    if (silence > silenceMs)
      close(new TelpherError('tether_silent', `nothing was heard from the container for ${Math.round(silence / 1000)} s`))
    else wire.send('ping')
  }, pingMs)

  stream.on('data', (chunk: Buffer) => {
    heardAt = performance.now()
    try {
      for (const frame of decoder.push(chunk)) handle(frame)
    } catch (thrown) {
      close(thrown instanceof RangeError ? violation(thrown.message) : toTelpherError(thrown))
    }
  })
  const cut = (cause?: Error): void =>
    close(
      new TelpherError('tether_cut', 'the connection to the container broke before its exit record', cause === undefined ? {} : { cause }),
    )
  stream.on('error', cut)
  stream.on('end', () => cut())
  stream.on('close', () => cut())
  // Whoever waits for them hears of the failure; without a waiter it must not end the process.
  ready.promise.catch(() => {})
  exit.promise.catch(() => {})

  return {
    ready: ready.promise,
    async run(job) {
      await ready.promise
      // Closed since it was ready: the exit says why.
      if (state === 'closed') return exit.promise
      enter('running')
      const start = async (): Promise<void> => {
        if (job.files !== undefined) await sendFiles(job.files)
        wire.sendJson('job', { argv: job.argv, env: job.env, cwd: job.cwd })
        begun = true
        if (early !== undefined) sendSignal(early)
      }
      start().catch((thrown: unknown) => close(toTelpherError(thrown)))
      return exit.promise
    },
    signal(name) {
      if (state === 'exited' || state === 'closed') return
      if (begun) sendSignal(name)
      else if (early !== 'SIGKILL') early = name
    },
    destroy: (cause) => cut(cause),
  }
}
