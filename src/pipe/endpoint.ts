import { TelpherError } from '../model/errors.ts'
import { logOnce } from '../model/log-once.ts'
import type { PipeLetter, PipeMail, PipeRequest } from '../model/pipe.ts'
import { creditPayload, decodeFrames, encodeFrame, type Frame } from './frames.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { decodeReason, encodeReason } from './reason.ts'

/** Without an answer of Redis for so long, in ms, nothing is known of the other ends. */
const silenceMs = 8000
/** An end without pipes is remembered for so long, in ms: a letter that is repeated by then is known as such. */
const rememberMs = 60_000

/** What comes over one pipe; nothing comes after `reset`. */
export interface PipeEvents {
  accepted?(): void
  opened?(): void
  data(chunk: Buffer): void
  credit(bytes: number): void
  end(): void
  /** It is over: said by the other end, or found by this one. */
  reset(why: Error): void
}

/** This end of one pipe; what is sent after its end is not sent. */
export interface PipeEnd {
  accepted(): void
  opened(): void
  data(chunk: Buffer): void
  credit(bytes: number): void
  end(): void
  reset(why?: Error): void
  /** For both directions were ended: nothing more comes, and nobody is to be told. */
  forget(): void
}

export interface EndpointOptions {
  /** Of this process; an id of its own for each start. */
  readonly id: string
  readonly mail: PipeMail
  /** Somebody asks for a pipe; refused when absent. */
  readonly onOpen?: (request: PipeRequest, end: PipeEnd) => PipeEvents
  /** How many others may have open here. */
  readonly maxPipes?: number
  /** Between two looks whether the other ends live, in ms; 1000 when absent. */
  readonly lookMs?: number
  readonly log: (line: object) => void
}

/** One end of all the pipes that a process has with others of one pool. */
export interface Endpoint {
  /** Resolves when others find it: what is opened before has no way back. */
  readonly ready: Promise<void>
  /** Asks another process for a pipe. */
  open(peer: string, request: PipeRequest, events: PipeEvents): PipeEnd
  /** How many pipes there are. */
  count(): number
  /** Ends every pipe, tells the others, and leaves nothing in Redis. */
  close(): Promise<void>
}

interface Peer {
  readonly id: string
  readonly outbox: Outbox
  readonly pipes: Map<number, PipeEvents>
  /** Number of the last letter that came from it. */
  heard: number | undefined
  usedAt: number
}

const cut = (why: string): TelpherError => new TelpherError('pipe_cut', why)

const parseRequest = (payload: Buffer): PipeRequest => {
  const { target, server } = JSON.parse(payload.toString()) as Partial<Record<keyof PipeRequest, unknown>>
  if (typeof target !== 'string' || typeof server !== 'string') throw new RangeError('not a request for a pipe')
  return { target, server }
}

const nobody: PipeEvents = { data() {}, credit() {}, end() {}, reset() {} }

const deliver = (events: PipeEvents, { type, payload }: Frame, from: string): void => {
  if (type === 'accepted') events.accepted?.()
  else if (type === 'opened') events.opened?.()
  else if (type === 'data') events.data(payload)
  else if (type === 'credit') events.credit(payload.readUInt32BE())
  else if (type === 'end') events.end()
  else events.reset(decodeReason(payload, from))
}

/**
 * Opens this process's end: it reads its letters until it is closed, and looks after the others while there are any. Pipes outlast cut
 * connections to Redis; they end when a letter was lost, the other process is gone, or Redis does not answer for 8 s.
 */
export const createEndpoint = ({ id, mail, onOpen, maxPipes = 256, lookMs = 1000, log }: EndpointOptions): Endpoint => {
  const peers = new Map<string, Peer>()
  const closing = new AbortController()
  const ready = Promise.withResolvers<void>()
  const said = logOnce(log, 'the pipes')
  const full = new TelpherError('pipe_busy', `${maxPipes} pipes are open`)
  let lastPipe = 0
  let answeredAt = performance.now()

  /** What went over its pipes is lost, and it is told so when it can be. */
  const lose = (peer: Peer, why: string): void => {
    for (const [pipe, events] of [...peer.pipes]) {
      peer.pipes.delete(pipe)
      peer.outbox.owe(pipe)
      events.reset(cut(why))
    }
  }

  const forget = (peer: Peer): void => {
    if (peers.get(peer.id) === peer) peers.delete(peer.id)
  }

  const meet = (peerId: string): Peer => {
    const known = peers.get(peerId)
    if (known !== undefined) return known
    const outbox = createOutbox(
      (n, bytes) => mail.send(peerId, { from: id, n, bytes }),
      (error) => {
        if (error !== undefined) return lose(peer, `a message was not sent: ${error instanceof Error ? error.message : String(error)}`)
        lose(peer, `${peerId} is gone`)
        forget(peer)
      },
    )
    const peer: Peer = { id: peerId, outbox, pipes: new Map(), heard: undefined, usedAt: performance.now() }
    peers.set(peerId, peer)
    return peer
  }

  const endOf = (peer: Peer, pipe: number): PipeEnd => {
    const send = (type: Frame['type'], payload?: Buffer): void => {
      if (peer.pipes.has(pipe)) peer.outbox.push(encodeFrame(type, pipe, payload))
    }
    return {
      accepted: () => send('accepted'),
      opened: () => send('opened'),
      data: (chunk) => send('data', chunk),
      credit: (bytes) => send('credit', creditPayload(bytes)),
      end: () => send('end'),
      reset(why) {
        send('reset', encodeReason(why))
        peer.pipes.delete(pipe)
      },
      forget: () => void peer.pipes.delete(pipe),
    }
  }

  const count = (): number => [...peers.values()].reduce((sum, { pipes }) => sum + pipes.size, 0)

  const take = (peer: Peer, { pipe, payload }: Frame, open: NonNullable<EndpointOptions['onOpen']>): void => {
    // Known first: what opens it may send at once.
    peer.pipes.set(pipe, nobody)
    const events = open(parseRequest(payload), endOf(peer, pipe))
    if (peer.pipes.has(pipe)) peer.pipes.set(pipe, events)
  }

  const handle = (peer: Peer, frame: Frame): void => {
    const { type, pipe } = frame
    if (type === 'open') {
      const refusal = peer.pipes.has(pipe) || onOpen === undefined ? cut('nobody opens pipes here') : count() >= maxPipes ? full : undefined
      if (refusal !== undefined) peer.outbox.push(encodeFrame('reset', pipe, encodeReason(refusal)))
      else if (onOpen !== undefined) take(peer, frame, onOpen)
      return
    }
    const events = peer.pipes.get(pipe)
    if (type === 'reset') peer.pipes.delete(pipe)
    if (events !== undefined) deliver(events, frame, peer.id)
  }

  const receive = ({ from, n, bytes }: PipeLetter): void => {
    const peer = meet(from)
    peer.usedAt = performance.now()
    // Redis was asked twice to take it, since its answer was lost.
    if (peer.heard !== undefined && n <= peer.heard) return
    if (peer.heard !== undefined && n !== peer.heard + 1) lose(peer, `messages of ${from} were lost`)
    peer.heard = n
    try {
      for (const frame of decodeFrames(bytes)) handle(peer, frame)
    } catch (error) {
      lose(peer, `${from} sent what is no message: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const read = async (): Promise<void> => {
    for await (const came of mail.listen(id, closing.signal)) {
      if (came !== 'anew') for (const letter of came) receive(letter)
      else {
        for (const peer of peers.values()) lose(peer, 'this process was not heard for a while')
        ready.resolve()
      }
    }
  }

  const look = async (): Promise<void> => {
    const known = [...peers.values()]
    const listening = known.length === 0 ? new Set<string>() : await mail.listening(known.map((peer) => peer.id))
    answeredAt = performance.now()
    for (const peer of known) {
      if (!listening.has(peer.id)) {
        lose(peer, `${peer.id} fell silent`)
        forget(peer)
        continue
      }
      peer.outbox.look()
      if (peer.pipes.size > 0) peer.usedAt = answeredAt
      else if (peer.outbox.isEmpty() && answeredAt - peer.usedAt > rememberMs) forget(peer)
    }
  }

  let looking: Promise<void> | undefined
  const failed = (error: unknown): void => {
    said.failed(error)
    const silentMs = performance.now() - answeredAt
    if (silentMs >= silenceMs) for (const peer of peers.values()) lose(peer, `Redis did not answer for ${Math.round(silentMs / 1000)} s`)
  }
  const timer = setInterval(() => {
    looking ??= look()
      .then(said.well, failed)
      .finally(() => {
        looking = undefined
      })
  }, lookMs)
  const reading = read().catch((error: unknown) => said.failed(error))

  return {
    ready: ready.promise,
    open(peerId, request, events) {
      const peer = meet(peerId)
      const pipe = ++lastPipe
      peer.pipes.set(pipe, events)
      peer.outbox.push(encodeFrame('open', pipe, Buffer.from(JSON.stringify(request))))
      return endOf(peer, pipe)
    },
    count,
    async close() {
      clearInterval(timer)
      const left = [...peers.values()]
      for (const peer of left) lose(peer, 'this process ends')
      await Promise.all([looking, ...left.map(({ outbox }) => outbox.settled())])
      closing.abort()
      await reading
    },
  }
}
