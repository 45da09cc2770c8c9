import type { Context } from 'hono'
import { streamSSE, streamText } from 'hono/streaming'
import { z } from 'zod'
import type { LogLine, StoredEvent } from '../model/deployment.ts'
import type { Api, ApiDeps, ApiEnv } from './context.ts'
import { logQuery, searchQuery } from './logqueries.ts'
import { deploymentIdOf, jobRefOf, on, parsed } from './on.ts'

/** Proxies close streams on which nothing comes; a comment keeps them open. */
const pingMs = 15_000

const accepts = (context: Context<ApiEnv>, type: string): boolean => (context.req.header('accept') ?? '').includes(type)

interface Items<T> {
  readonly idOf: (item: T) => string
  readonly read: (signal: AbortSignal) => AsyncIterable<T>
}

/**
 * Items as server-sent events, each with the id by which a client resumes (WHATWG HTML: server-sent events). `end` says
 * that nothing more will come; a stream that ends without it was cut.
 */
const sendEvents = <T>(context: Context<ApiEnv>, deps: ApiDeps, { idOf, read }: Items<T>): Response => {
  // Proxies such as nginx keep answers back until a buffer is full, unless told not to.
  context.header('x-accel-buffering', 'no')
  return streamSSE(context, async (stream) => {
    const gone = new AbortController()
    stream.onAbort(() => gone.abort())
    const signal = deps.closing === undefined ? gone.signal : AbortSignal.any([gone.signal, deps.closing])
    const ping = setInterval(() => void stream.write(': ping\n\n'), pingMs)
    try {
      await stream.write('retry: 1000\n\n')
      for await (const item of read(signal)) await stream.writeSSE({ id: idOf(item), data: JSON.stringify(item) })
      if (!signal.aborted) await stream.writeSSE({ event: 'end', data: '' })
    } catch (error) {
      // The answer has begun, so all that can be done is to cut it: the client asks again from where it was.
      deps.log.error({ err: error, requestId: context.get('requestId') }, 'a stream broke')
    } finally {
      clearInterval(ping)
      gone.abort()
    }
  })
}

/** Lines as they were written, without numbers and times. */
const sendText = (context: Context<ApiEnv>, deps: ApiDeps, lines: AsyncIterable<LogLine>): Response =>
  streamText(context, async (stream) => {
    try {
      for await (const { text } of lines) {
        if (stream.aborted) return
        await stream.write(`${text}\n`)
      }
    } catch (error) {
      deps.log.error({ err: error, requestId: context.get('requestId') }, 'a stream broke')
    }
  })

/** The id of an event is that of an entry in a Redis stream. */
const eventId = z.object({
  after: z
    .string()
    .regex(/^\d{1,16}(-\d{1,16})?$/, 'give the id of an event')
    .optional(),
})

/** The place to begin after: what a client has seen last, else what it asks for. */
const afterOf = (context: Context<ApiEnv>): string | undefined =>
  context.req.header('last-event-id') || context.req.query('after') || undefined

/** Events and logs: history first, then what happens. */
export const addStreamRoutes = (api: Api, deps: ApiDeps): void => {
  const { store } = deps
  on(api, 'events', async (context) => {
    const id = deploymentIdOf(context)
    await store.deployments.get(id)
    const { after } = parsed(eventId, { after: afterOf(context) })
    const from = after === undefined ? {} : { after }
    const events = store.events(id)
    if (accepts(context, 'text/event-stream'))
      return sendEvents(context, deps, {
        idOf: (event: StoredEvent) => event.id,
        read: (signal) => events.read({ ...from, follow: true, signal }),
      })
    return context.json({ events: await Array.fromAsync(events.read({ ...from, follow: false })) })
  })
  on(api, 'log', async (context) => {
    const ref = jobRefOf(context)
    await store.jobs.get(ref)
    const { from, tail, limit, after: asked } = parsed(logQuery, { ...context.req.query(), after: afterOf(context) })
    const after = asked ?? (from ?? 1) - 1
    const log = store.logs(ref)
    if (accepts(context, 'text/event-stream'))
      return sendEvents(context, deps, {
        idOf: (line: LogLine) => String(line.n),
        read: (signal) => log.read({ after, follow: true, signal }),
      })
    if (accepts(context, 'text/plain')) return sendText(context, deps, log.read({ after, follow: false }))
    if (from !== undefined || tail !== undefined || limit !== undefined)
      return context.json(await log.window({ from: after + 1, limit: limit ?? 1000, ...(tail === undefined ? {} : { tail }) }))
    const { lines: _, next: __, ...whole } = await log.window({ from: Number.MAX_SAFE_INTEGER, limit: 1 })
    return context.json({ ...whole, lines: await Array.fromAsync(log.read({ after, follow: false })) })
  })
  on(api, 'searchLog', async (context) => {
    const ref = jobRefOf(context)
    await store.jobs.get(ref)
    const { q, ignoreCase, limit } = parsed(searchQuery, context.req.query())
    const { signal } = context.req.raw
    return context.json(await store.logs(ref).search({ text: q, ignoreCase: ignoreCase === 'true', limit, signal }))
  })
}
