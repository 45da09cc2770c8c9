import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shapes } from '../../../src/server/shapes.ts'
import { portsOf } from '../../support/anyredis.ts'
import { eventually } from '../../support/eventually.ts'
import { sharedRedis } from '../../support/sandbox.ts'
import { type ServedApi, serveApi, startDeployment } from './api.ts'

let served: ServedApi
let redisPorts: readonly (number | undefined)[]
beforeAll(async () => {
  redisPorts = await portsOf(await sharedRedis())
  served = await serveApi()
})
afterAll(() => served.close())

interface Sent {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Reads a stream of events by hand: the client's own parser has tests of its own. */
const openStream = async (path: string, headers: Record<string, string> = {}, from: ServedApi = served) => {
  const ending = new AbortController()
  const response = await fetch(`${from.url}${path}`, {
    headers: { authorization: `Bearer ${from.token}`, accept: 'text/event-stream', ...headers },
    signal: ending.signal,
  })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const sent: Sent[] = []
  let isOver = false
  const reading = (async () => {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const field = (name: string): string => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? ''
        if (/^(data|event):/m.test(block)) sent.push({ id: field('id'), event: field('event'), data: field('data') })
      }
    }
    isOver = true
  })()
  return { sent, isOver: () => isOver, done: reading, cut: () => ending.abort() }
}

const types = (sent: readonly Sent[]): string[] =>
  sent.filter(({ event }) => event !== 'end').map(({ data }) => (JSON.parse(data) as { type: string }).type)

/** What scheduler and worker would do, to the end. */
const runToEnd = async (id: string, jobId: string): Promise<void> => {
  const { jobs, deployments } = served.store
  const ref = { deploymentId: id, jobId }
  await deployments.advance(id, 'pending', 'executing', { startedAt: Date.now() })
  await jobs.apply(ref, { type: 'admit' })
  await jobs.apply(ref, { type: 'start', worker: 'w1' })
  await jobs.apply(ref, { type: 'run', attempt: 1 })
  await jobs.apply(ref, { type: 'verify', attempt: 1 })
  await jobs.apply(ref, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: 'done' } }, { notes: ['watched for 5 s'] })
  await served.store.logs(ref).end()
  await deployments.advance(id, 'executing', 'finalizing', {})
  await deployments.advance(id, 'finalizing', 'finished', { result: 'success', endedAt: Date.now() })
}

describe('events', () => {
  test('come with history first, then live, and end after the last one', async () => {
    const { id, jobIds } = await startDeployment(served)
    await served.store.jobs.waiting({ deploymentId: id, jobId: jobIds[0] ?? '' }, 'dep_1 holds the lock')
    const stream = await openStream(`/v1/deployments/${id}/events`)
    await eventually(() => types(stream.sent).includes('waiting'))
    expect(stream.isOver()).toBe(false)
    await runToEnd(id, jobIds[0] ?? '')
    await stream.done
    const last = stream.sent.at(-1)
    expect(last?.event).toBe('end')
    const events = stream.sent
      .slice(0, -1)
      .map(({ id: place, data }) => ({ place, event: JSON.parse(data) as { id: string; type: string; result?: string } }))
    for (const { place, event } of events) {
      expect(shapes.event.safeParse(event).error).toBeUndefined()
      expect(event.id).toBe(place)
    }
    expect(events.at(-1)?.event).toMatchObject({ type: 'deployment', state: 'finished', result: 'success' })
    const asJson = (await (await served.call('GET', `/v1/deployments/${id}/events`)).json()) as { events: unknown[] }
    expect(asJson.events).toEqual(events.map(({ event }) => event))
  })

  test('go on after the id that was seen last, by header and by query', async () => {
    const { id, jobIds } = await startDeployment(served)
    await runToEnd(id, jobIds[0] ?? '')
    const whole = await openStream(`/v1/deployments/${id}/events`)
    await whole.done
    for (const at of [0, 3, whole.sent.length - 2]) {
      const after = whole.sent[at]?.id ?? ''
      const byHeader = await openStream(`/v1/deployments/${id}/events`, { 'last-event-id': after })
      await byHeader.done
      expect(byHeader.sent).toEqual(whole.sent.slice(at + 1))
      const byQuery = (await (await served.call('GET', `/v1/deployments/${id}/events?after=${after}`)).json()) as {
        events: { id: string }[]
      }
      expect(byQuery.events.map((event) => event.id)).toEqual(whole.sent.slice(at + 1, -1).map((one) => one.id))
    }
  })

  test('are refused after an id that is none, before the stream begins', async () => {
    const { id } = await startDeployment(served)
    const headers = { authorization: `Bearer ${served.token}`, accept: 'text/event-stream', 'last-event-id': 'x; y' }
    const response = await served.call('GET', `/v1/deployments/${id}/events`, undefined, headers)
    expect([response.status, ((await response.json()) as { name: string }).name]).toEqual([422, 'invalid_input'])
  })

  test('end without `end` when the server closes, and its connections with them', async () => {
    const own = await serveApi()
    const { id } = await startDeployment(own)
    const stream = await openStream(`/v1/deployments/${id}/events`, {}, own)
    await eventually(() => types(stream.sent).includes('deployment'))
    await own.close()
    await stream.done
    expect(stream.sent.map(({ event }) => event)).not.toContain('end')
    await expect(fetch(`${own.url}/livez`)).rejects.toThrow()
  })
})

describe('logs', () => {
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, at) => ({ stream: 'stdout' as const, text: `line ${from + at} "äß" \u{1f680}`, at: 1 }))

  test('come as a stream, as JSON and as text, and are resumed by line number', async () => {
    const { id, jobIds } = await startDeployment(served)
    const ref = { deploymentId: id, jobId: jobIds[0] ?? '' }
    const log = served.store.logs(ref)
    await log.append(lines(1, 3))
    const path = `/v1/deployments/${id}/jobs/${ref.jobId}/log`
    const stream = await openStream(path)
    await eventually(() => stream.sent.length === 3)
    await log.append(lines(4, 5))
    await eventually(() => stream.sent.length === 5)
    await log.end()
    await stream.done
    expect(stream.sent.map((one) => one.event || one.id)).toEqual(['1', '2', '3', '4', '5', 'end'])
    const asJson = (await (await served.call('GET', path)).json()) as { lines: { n: number; text: string }[] }
    expect(shapes.lines.safeParse(asJson).error).toBeUndefined()
    expect(asJson.lines.map(({ text }) => text)).toEqual(lines(1, 5).map(({ text }) => text))
    const resumed = (await (await served.call('GET', `${path}?after=3`)).json()) as { lines: { n: number }[] }
    expect(resumed.lines.map(({ n }) => n)).toEqual([4, 5])
    const byHeader = await openStream(path, { 'last-event-id': '4' })
    await byHeader.done
    expect(byHeader.sent.map((one) => one.event || one.id)).toEqual(['5', 'end'])
    const asText = await served.call('GET', path, undefined, { authorization: `Bearer ${served.token}`, accept: 'text/plain' })
    expect(asText.headers.get('content-type')).toContain('text/plain')
    expect(await asText.text()).toBe(
      lines(1, 5)
        .map(({ text }) => `${text}\n`)
        .join(''),
    )
    expect((await served.call('GET', `${path}?after=x`)).status).toBe(422)
  })

  test('come in windows by line, and are searched', async () => {
    const { id, jobIds } = await startDeployment(served)
    const ref = { deploymentId: id, jobId: jobIds[0] ?? '' }
    await served.store.logs(ref).append(lines(1, 1200))
    const path = `/v1/deployments/${id}/jobs/${ref.jobId}/log`
    const get = async (query: string) => (await served.call('GET', `${path}${query}`)).json()
    const window = (await get('?from=1001&limit=2')) as { lines: { n: number }[] }
    expect(shapes.lines.safeParse(window).error).toBeUndefined()
    expect(window).toMatchObject({ total: 1200, complete: false, next: 1003, lines: [{ n: 1001 }, { n: 1002 }] })
    expect(await get('?tail=1')).toMatchObject({ lines: [{ n: 1200 }] })
    const found = await get('/search?q=LINE%2011&ignoreCase=true&limit=2')
    expect(shapes.logSearch.safeParse(found).error).toBeUndefined()
    expect(found).toMatchObject({ matches: 111, searched: 1200, total: 1200, lines: [{ n: 11 }, { n: 110 }] })
    expect(await get('/search?q=LINE')).toMatchObject({ matches: 0, lines: [], blocks: [] })
    for (const bad of ['?from=0', '?from=1&tail=1', '?limit=10001', '/search', '/search?q=a%0Ab'])
      expect((await served.call('GET', `${path}${bad}`)).status).toBe(422)
  })

  test('reach a slow reader whole', async () => {
    const { id, jobIds } = await startDeployment(served)
    const ref = { deploymentId: id, jobId: jobIds[0] ?? '' }
    const text = 'x'.repeat(1000)
    for (let batch = 0; batch < 20; batch++)
      await served.store.logs(ref).append(Array.from({ length: 200 }, () => ({ stream: 'stdout' as const, text, at: 1 })))
    await served.store.logs(ref).end()
    const stream = await openStream(`/v1/deployments/${id}/jobs/${ref.jobId}/log`)
    await stream.done
    expect(stream.sent.slice(0, -1).map((one) => Number(one.id))).toEqual(Array.from({ length: 4000 }, (_, at) => at + 1))
  })
})

/** Sockets that this process holds open to Redis; Node tells the remote end of its sockets nowhere else. */
const redisSockets = (): number => {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): { remotePort?: number }[] }
  return handles.call(process).filter(({ remotePort = 0 }) => redisPorts.includes(remotePort)).length
}

test('those who leave take their connection to Redis with them', async () => {
  const { id } = await startDeployment(served)
  const before = redisSockets()
  const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(`/v1/deployments/${id}/events`)))
  await Promise.all(streams.map((stream) => eventually(() => stream.sent.length > 0)))
  await eventually(() => redisSockets() >= before + 10)
  for (const stream of streams) {
    stream.cut()
    await stream.done.catch(() => {})
  }
  await eventually(() => redisSockets() <= before + 1)
})
