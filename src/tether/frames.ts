import { TelpherError } from '../model/errors.ts'

/** The newest version of the tether that this worker speaks, and the oldest; docs/reference/versions.md has the rule. */
export const tetherVersion = 1
export const oldestTether = 1

const headerSize = 13
/** The longest payload of a frame, in bytes. */
export const maxPayload: number = 128 * 1024

/** Frame types: first those to the shim, then those from it, then those of channels, both ways. */
export const frameTypes = {
  hello: 0x01,
  job: 0x02,
  files: 0x03,
  signal: 0x04,
  ping: 0x05,
  ready: 0x10,
  out: 0x11,
  err: 0x12,
  exit: 0x13,
  pong: 0x14,
  fault: 0x15,
  open: 0x20,
  data: 0x21,
  close: 0x22,
  credit: 0x23,
  ack: 0x24,
} as const
export type FrameName = keyof typeof frameTypes

const names = new Map<number, FrameName>(Object.entries(frameTypes).map(([name, type]) => [type, name as FrameName]))
const small = 4 * 1024

/** The shortest and the longest payload of each type, in bytes: the same table as the shim's. */
const sizes: Readonly<Record<FrameName, readonly [least: number, most: number]>> = {
  hello: [2, small],
  job: [2, maxPayload],
  files: [0, maxPayload],
  signal: [1, 1],
  ping: [0, 8],
  ready: [2, small],
  out: [1, maxPayload],
  err: [1, maxPayload],
  exit: [2, small],
  pong: [0, 8],
  fault: [2, small],
  open: [0, 0],
  data: [1, maxPayload],
  close: [1, 1],
  credit: [4, 4],
  ack: [4, 4],
}

const fits = (type: FrameName, length: number): boolean => length >= sizes[type][0] && length <= sizes[type][1]

export interface Frame {
  readonly type: FrameName
  readonly channel: number
  readonly sequence: number
  readonly payload: Buffer
}

/** What only a broken or hostile peer causes. */
export const violation = (reason: string): TelpherError =>
  new TelpherError('tether_protocol', `the container broke the protocol: ${reason}`)

/**
 * One frame as bytes: type u8 | channel u32 | sequence u32 | length u32 | payload, big-endian.
 * @throws TelpherError tether_protocol when the payload has not a length that its type may have
 */
export const encodeFrame = (frame: Frame): Buffer => {
  if (!fits(frame.type, frame.payload.length)) throw violation(`${frame.type} with ${frame.payload.length} bytes`)
  const bytes = Buffer.allocUnsafe(headerSize + frame.payload.length)
  bytes.writeUInt8(frameTypes[frame.type], 0)
  bytes.writeUInt32BE(frame.channel, 1)
  bytes.writeUInt32BE(frame.sequence, 5)
  bytes.writeUInt32BE(frame.payload.length, 9)
  frame.payload.copy(bytes, headerSize)
  return bytes
}

const headerOf = (bytes: Buffer): { type: FrameName; length: number } => {
  const type = names.get(bytes.readUInt8(0))
  if (type === undefined) throw violation(`unknown frame type 0x${bytes.readUInt8(0).toString(16).padStart(2, '0')}`)
  const length = bytes.readUInt32BE(9)
  if (!fits(type, length)) throw violation(`${type} with ${length} bytes`)
  return { type, length }
}

export interface Decoder {
  /**
   * Takes bytes cut anywhere and gives the frames that are whole now. A frame's payload may share memory with the chunk.
   * @throws TelpherError tether_protocol; the decoder is of no use after it
   */
  push(chunk: Buffer): Generator<Frame, void, undefined>
  /** Whether the bytes so far end between two frames. */
  readonly clean: boolean
}

/** Decodes frames from a stream; it never holds more than one frame, and copies each byte at most once. */
export const createDecoder = (): Decoder => {
  let header: Buffer = Buffer.alloc(0)
  let partial: { readonly bytes: Buffer; filled: number } | undefined
  return {
    get clean() {
      return header.length === 0
    },
    *push(chunk) {
      for (let at = 0; at < chunk.length || partial !== undefined; ) {
        if (partial === undefined) {
          const missing = headerSize - header.length
          const piece = chunk.subarray(at, at + missing)
          header = header.length === 0 ? piece : Buffer.concat([header, piece])
          at += piece.length
          if (header.length < headerSize) {
            header = Buffer.from(header)
            return
          }
          const { length } = headerOf(header)
          if (chunk.length - at >= length) {
            const payload = chunk.subarray(at, at + length)
            at += length
            yield frameOf(header, payload)
            header = Buffer.alloc(0)
            continue
          }
          header = Buffer.from(header)
          partial = { bytes: Buffer.allocUnsafe(length), filled: 0 }
        }
        const piece = chunk.subarray(at, at + partial.bytes.length - partial.filled)
        piece.copy(partial.bytes, partial.filled)
        partial.filled += piece.length
        at += piece.length
        if (partial.filled < partial.bytes.length) return
        const payload = partial.bytes
        partial = undefined
        yield frameOf(header, payload)
        header = Buffer.alloc(0)
      }
    },
  }
}

const frameOf = (header: Buffer, payload: Buffer): Frame => ({
  type: headerOf(header).type,
  channel: header.readUInt32BE(1),
  sequence: header.readUInt32BE(5),
  payload,
})
