/**
 * The frames of pipes: type u8 | pipe u32 | length u32 | payload. A letter holds whole ones.
 * open, accepted, opened: a pipe is asked for, the asked end lives, its connection stands. data, credit, end, reset: as of a channel.
 */
export const frameTypes = { open: 1, accepted: 2, opened: 3, data: 4, credit: 5, end: 6, reset: 7 } as const
export type FrameName = keyof typeof frameTypes

export interface Frame {
  readonly type: FrameName
  readonly pipe: number
  readonly payload: Buffer
}

const headerSize = 9
const small = 4 * 1024

/** The shortest and the longest payload of each type, in bytes. */
const sizes: Readonly<Record<FrameName, readonly [least: number, most: number]>> = {
  open: [2, small],
  accepted: [0, 0],
  opened: [0, 0],
  data: [1, 64 * 1024],
  credit: [4, 4],
  end: [0, 0],
  reset: [2, small],
}

const names = new Map<number, FrameName>(Object.entries(frameTypes).map(([name, type]) => [type, name as FrameName]))
const nothing = Buffer.alloc(0)

/** @param pipe its number, a u32 */
export const encodeFrame = (type: FrameName, pipe: number, payload: Buffer = nothing): Buffer => {
  const bytes = Buffer.allocUnsafe(headerSize + payload.length)
  bytes.writeUInt8(frameTypes[type], 0)
  bytes.writeUInt32BE(pipe, 1)
  bytes.writeUInt32BE(payload.length, 5)
  payload.copy(bytes, headerSize)
  return bytes
}

/** The frames of a letter. @throws RangeError when it is not made of whole, known frames */
export const decodeFrames = (bytes: Buffer): Frame[] => {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < headerSize) throw new RangeError('a frame of a pipe breaks off')
    const type = names.get(bytes.readUInt8(at))
    const length = bytes.readUInt32BE(at + 5)
    if (type === undefined || length < sizes[type][0] || length > sizes[type][1]) throw new RangeError('not a frame of a pipe')
    const end = at + headerSize + length
    if (end > bytes.length) throw new RangeError('a frame of a pipe breaks off')
    frames.push({ type, pipe: bytes.readUInt32BE(at + 1), payload: bytes.subarray(at + headerSize, end) })
    at = end
  }
  return frames
}

/** @param bytes that may be sent besides what was allowed before */
export const creditPayload = (bytes: number): Buffer => {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(bytes)
  return payload
}
