import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'

export interface SseEvent {
  readonly id: string
  readonly event: string
  readonly data: string
}

/**
 * A parser of server-sent events (WHATWG HTML, section 9.2.6), fed with text in pieces of any size.
 * @returns the events that a piece completes: one without its blank line is none
 */
export const createSseParser = (): ((text: string) => SseEvent[]) => {
  let rest = ''
  let [id, event] = ['', '']
  let data: string[] = []
  const take = (line: string): SseEvent | undefined => {
    if (line === '') {
      const done = data.length === 0 ? undefined : { id, event: event === '' ? 'message' : event, data: data.join('\n') }
      event = ''
      data = []
      return done
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) id = value
    return undefined
  }
  return (text) => {
    const all = rest + text
    // A carriage return at the very end may be the first half of a line end.
    const usable = all.endsWith('\r') ? all.length - 1 : all.length
    const lines = all.slice(0, usable).split(/\r\n|\n|\r/)
    rest = (lines.pop() ?? '') + all.slice(usable)
    return lines.flatMap((line) => take(line) ?? [])
  }
}

export interface SseOptions {
  /** Asks for the stream after an id ('' for all of it). @throws TelpherError; one that is not retryable ends the following */
  readonly open: (after: string, signal: AbortSignal) => Promise<Response>
  readonly signal: AbortSignal
  /** Silence after which a connection counts as dead, in ms; the server pings every 15 s. */
  readonly idleMs?: number
  /** How long to try to connect again, in ms. */
  readonly giveUpMs?: number
  /** First pause before a new try, in ms; it doubles up to 2 s. */
  readonly pauseMs?: number
  /** Called when a connection was cut, or a try to connect failed. */
  readonly onCut?: () => void
}

/**
 * Follows a stream of events through cuts: asks again from the last id that was seen. Ends with the server's `end`, or the signal.
 * @throws TelpherError server_unreachable after trying for `giveUpMs`; what `open` throws when trying again cannot help
 */
export async function* followSse(options: SseOptions): AsyncGenerator<SseEvent> {
  const { open, signal, idleMs = 45_000, giveUpMs = 120_000, pauseMs = 200 } = options
  let after = ''
  let lastHeard = performance.now()
  let tries = 0
  while (!signal.aborted) {
    const dead = new AbortController()
    const begun = performance.now()
    const watch = setInterval(() => {
      if (performance.now() - Math.max(begun, lastHeard) > idleMs) dead.abort(new Error('nothing was heard'))
    }, idleMs / 4)
    try {
      const response = await open(after, AbortSignal.any([signal, dead.signal]))
      lastHeard = performance.now()
      const [parse, decoder] = [createSseParser(), new TextDecoder()]
      for await (const chunk of response.body ?? []) {
        lastHeard = performance.now()
        tries = 0
        for (const event of parse(decoder.decode(chunk, { stream: true }))) {
          if (event.event === 'end') return
          if (event.id !== '') after = event.id
          yield event
        }
        // Whoever reads may be slow: that is not the server's silence.
        lastHeard = performance.now()
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof TelpherError && !error.retryable) throw error
      if (performance.now() - lastHeard > giveUpMs)
        throw error instanceof TelpherError
          ? error
          : new TelpherError('server_unreachable', 'the server stopped answering', { cause: error })
    } finally {
      clearInterval(watch)
      dead.abort()
    }
    options.onCut?.()
    await pause(Math.min(2000, pauseMs * 2 ** tries++), undefined, { signal }).catch(() => {})
  }
}
