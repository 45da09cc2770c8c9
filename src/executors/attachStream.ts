import { request } from 'node:http'
import { Duplex } from 'node:stream'
import { TelpherError } from '../model/errors.ts'

const headerBytes = 8
// The engine copies in pieces of 32 KiB; a length beyond this is not a header.
const maxFrameBytes = 16 * 1024 * 1024
const tailBytes = 4096

/**
 * The attach stream of a container as a byte stream: what is read is its standard output, what is written goes to its standard input.
 * Standard error is not the tether's: its last 4 KiB become the error when the stream ends, since only a shim that died writes there.
 * The engine's framing is 8 bytes a frame: stream, three zeros, length (Docker API, ContainerAttach, "Stream format").
 *
 * Not dockerode's demuxStream: that overflows the stack on many tiny frames, ignores back-pressure and never ends its outputs.
 */
export class AttachStream extends Duplex {
  readonly #socket: Duplex
  readonly #header: Buffer = Buffer.allocUnsafe(headerBytes)
  #headerLength = 0
  #left = 0
  #kind = 0
  #tail: Buffer = Buffer.alloc(0)
  #over = false

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      if (!this.#take(chunk)) socket.pause()
    })
    socket.on('end', () => this.#ended())
    socket.on('error', (error) =>
      this.destroy(new TelpherError('tether_cut', `The stream of the container broke: ${error.message}`, { cause: error })),
    )
    socket.on('close', () => this.#ended())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork()
    for (const [index, { chunk }] of chunks.entries()) this.#socket.write(chunk, index === chunks.length - 1 ? done : undefined)
    this.#socket.uncork()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  // Returns whether the reader wants more.
  #take(chunk: Buffer): boolean {
    let more = true
    let at = 0
    while (at < chunk.length) {
      if (this.#left === 0) {
        const got = chunk.copy(this.#header, this.#headerLength, at, at + headerBytes - this.#headerLength)
        at += got
        this.#headerLength += got
        if (this.#headerLength === headerBytes && !this.#open()) return false
        continue
      }
      const part = chunk.subarray(at, at + this.#left)
      at += part.length
      this.#left -= part.length
      if (this.#kind === 2) this.#keep(part)
      else more = this.push(part)
    }
    return more
  }

  #open(): boolean {
    this.#headerLength = 0
    this.#kind = this.#header.readUInt8(0)
    this.#left = this.#header.readUInt32BE(4)
    if (this.#kind > 2 || this.#left > maxFrameBytes) {
      this.destroy(new TelpherError('tether_protocol', 'The engine sent something else than the frames of an attach stream.'))
      return false
    }
    return true
  }

  #keep(part: Buffer): void {
    this.#tail = Buffer.concat([this.#tail, part]).subarray(-tailBytes)
  }

  #ended(): void {
    if (this.#over || this.destroyed) return
    this.#over = true
    if (this.#tail.length > 0) {
      const said = this.#tail.toString('utf8').trim()
      this.destroy(new TelpherError('tether_cut', `The shim died: ${said}`))
    } else if (this.#left > 0 || this.#headerLength > 0) {
      this.destroy(new TelpherError('tether_cut', 'The stream of the container broke in the middle of a frame.'))
    } else this.push(null)
  }
}

/**
 * Attaches to a created container and takes over the connection.
 * Written out rather than left to the library, whose request carries a body that the engine may hand to the container's input.
 * @param socketPath the engine's socket
 * @param id the container
 * @throws what the socket throws, or an Error with `statusCode` and `json` as dockerode's
 */
export const attach = (socketPath: string, id: string): Promise<AttachStream> =>
  new Promise((resolve, reject) => {
    const path = `/containers/${encodeURIComponent(id)}/attach?stream=1&stdin=1&stdout=1&stderr=1`
    const headers = { Host: 'docker', Connection: 'Upgrade', Upgrade: 'tcp', 'Content-Length': 0 }
    const asked = request({ socketPath, path, method: 'POST', headers, agent: false })
    asked.on('error', reject)
    asked.on('upgrade', (_answer, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      const stream = new AttachStream(socket)
      // Whoever uses the stream hears of its error; one that nobody uses yet must not take the worker with it.
      stream.on('error', () => {})
      resolve(stream)
    })
    asked.on('response', (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        reject(Object.assign(new Error(`attach was answered ${answer.statusCode}: ${text}`), { statusCode: answer.statusCode }))
      })
    })
    asked.end()
  })
