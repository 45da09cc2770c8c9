import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import { createSseParser, followSse, type SseEvent, type SseOptions } from './sse.ts'

const parseAll = (pieces: readonly string[]): SseEvent[] => {
  const parse = createSseParser()
  return pieces.flatMap(parse)
}

describe('the parser', () => {
  test('reads ids, types, several data lines, comments and all line ends', () => {
    const text =
      'retry: 1000\n\n: ping\n\nid: 1\nevent: job\ndata: {"a":\ndata:1}\n\nid:2\r\ndata:  two\r\n\r\ndata\rdata: x\r\revent: end\ndata: \n\n'
    expect(parseAll([text])).toEqual([
      { id: '1', event: 'job', data: '{"a":\n1}' },
      { id: '2', event: 'message', data: ' two' },
      { id: '2', event: 'message', data: '\nx' },
      { id: '2', event: 'end', data: '' },
    ])
  })

  test('gives no event for one without its blank line, and ignores ids with NUL and unknown fields', () => {
    expect(parseAll(['data: cut'])).toEqual([])
    expect(parseAll(['id: a\0b\nfoo: bar\ndata: x\n\n'])).toEqual([{ id: '', event: 'message', data: 'x' }])
  })

  test('gives the same however the text is cut', () => {
    const line = fc.constantFrom('data: x', 'data:  \u{1f680}', 'id: 7', 'event: job', ': c', '', 'data', 'retry: 1')
    const end = fc.constantFrom('\n', '\r\n', '\r')
    fc.assert(
      fc.property(fc.array(fc.tuple(line, end)), fc.array(fc.nat(200)), (lines, cuts) => {
        const text = `${lines.map(([content, ending]) => content + ending).join('')}\n\n`
        const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length]
        const pieces = places.slice(1).map((place, at) => text.slice(places[at], place))
        expect(parseAll(pieces)).toEqual(parseAll([text]))
      }),
    )
  })
})

/** A server that answers with these texts one after the other; an Error is thrown in place of an answer. */
const answers = (script: readonly (string | Error)[]) => {
  const asked: string[] = []
  const open: SseOptions['open'] = async (after) => {
    asked.push(after)
    const next = script[asked.length - 1]
    if (next === undefined) throw new Error('asked once too often')
    if (next instanceof Error) throw next
    return new Response(next)
  }
  return { asked, open }
}

const collect = async (options: Pick<SseOptions, 'open'> & Partial<SseOptions>): Promise<string[]> => {
  const seen: string[] = []
  for await (const { data } of followSse({ signal: new AbortController().signal, pauseMs: 1, ...options })) seen.push(data)
  return seen
}

describe('following', () => {
  test('goes on after the last id when the stream is cut, and ends with the end', async () => {
    const { asked, open } = answers([
      'id: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: half',
      'id: 3\ndata: c\n\n',
      'event: end\ndata:\n\nid: 4\ndata: never\n\n',
    ])
    let cuts = 0
    expect(await collect({ open, onCut: () => void cuts++ })).toEqual(['a', 'b', 'c'])
    expect(asked).toEqual(['', '2', '3'])
    expect(cuts).toBe(2)
  })

  test('tries again while the server is away', async () => {
    const away = new TelpherError('server_unreachable', 'away')
    const { asked, open } = answers([away, new TypeError('terminated'), 'id: 1\ndata: a\n\n', away, 'event: end\ndata:\n\n'])
    expect(await collect({ open })).toEqual(['a'])
    expect(asked).toEqual(['', '', '', '1', '1'])
  })

  test('throws what trying again cannot help against', async () => {
    const { asked, open } = answers([new TelpherError('unknown_deployment', 'gone')])
    await expect(collect({ open })).rejects.toMatchObject({ code: 'unknown_deployment' })
    expect(asked).toHaveLength(1)
  })

  test('gives up after a while', async () => {
    const open = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'))
    await expect(collect({ open, giveUpMs: 20 })).rejects.toMatchObject({ code: 'server_unreachable' })
  })

  test('notices a connection on which nothing comes', async () => {
    let asked = 0
    const open: SseOptions['open'] = async (_, signal) => {
      asked++
      if (asked > 1) return new Response('event: end\ndata:\n\n')
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => signal.addEventListener('abort', () => controller.error(new Error('aborted'))),
      })
      return new Response(body)
    }
    expect(await collect({ open, idleMs: 40 })).toEqual([])
    expect(asked).toBe(2)
  })

  test('ends with the signal, also in a pause', async () => {
    const leaving = new AbortController()
    const open = (): Promise<Response> => {
      setTimeout(() => leaving.abort(), 5)
      return Promise.reject(new TypeError('fetch failed'))
    }
    expect(await collect({ open, signal: leaving.signal, pauseMs: 60_000 })).toEqual([])
  })
})
