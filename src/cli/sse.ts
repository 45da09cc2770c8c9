import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'

/** Silence after which the connection counts as cut: the server pings every 15 s. */
const silenceMs = 40_000
const pauseMs = 500
/** Failures in a row until it is given up. */
const mostFailures = 240

interface Message {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Parses server-sent events from bytes (WHATWG HTML, section 9.2.6), as far as our server uses them. */
export async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Message, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = { id: '', event: 'message', data: '' }
      for (const line of block.split('\n')) {
        const colon = line.indexOf(':')
        const name = line.slice(0, colon)
        const value = line.slice(colon + 1).replace(/^ /, '')
        if (name === 'id' || name === 'event') fields[name] = value
        else if (name === 'data') fields.data += fields.data === '' ? value : `\n${value}`
      }
      if (fields.data !== '' || fields.event !== 'message') yield fields
    }
  }
}

/**
 * Reads a stream of JSON items to its end, opening it again after the last id when it is cut.
 * @param open gives the body of a stream that begins after an id
 * @throws what `open` throws when it is not an outage; server_unreachable when it lasts
 */
export async function* readStream<T>(
  open: (lastId: string | undefined, signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  let lastId: string | undefined
  for (let failures = 0; ; ) {
    const silent = new AbortController()
    let timer = setTimeout(() => silent.abort(), silenceMs)
    try {
      const body = await open(lastId, signal === undefined ? silent.signal : AbortSignal.any([signal, silent.signal]))
      const heard = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of body ?? []) {
          clearTimeout(timer)
          timer = setTimeout(() => silent.abort(), silenceMs)
          yield chunk
        }
      }
      for await (const message of messagesOf(heard())) {
        failures = 0
        if (message.event === 'end') return
        if (message.id !== '') lastId = message.id
        yield JSON.parse(message.data) as T
      }
    } catch (thrown) {
      if (signal?.aborted) return
      const refused = thrown instanceof TelpherError && thrown.code !== 'server_unreachable' && !thrown.retryable
      if (refused || ++failures > mostFailures) throw thrown
    } finally {
      clearTimeout(timer)
    }
    await pause(pauseMs)
  }
}
