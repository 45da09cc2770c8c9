import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { LogLine, StoredEvent } from '../model/deployment.ts'
import type { Api, ApiDeps, ApiEnv } from './context.ts'
import { on, param } from './on.ts'

/** Proxies close streams on which nothing comes; a comment keeps them open. */
const pingMs = 15_000

const wantsStream = (context: Context<ApiEnv>): boolean => (context.req.header('accept') ?? '').includes('text/event-stream')

/** Items as server-sent events, each with the id by which a client resumes (WHATWG HTML: server-sent events). */
const sendStream = <T>(context: Context<ApiEnv>, idOf: (item: T) => string, read: (signal: AbortSignal) => AsyncIterable<T>): Response =>
  streamSSE(context, async (stream) => {
    const gone = new AbortController()
    stream.onAbort(() => gone.abort())
    const ping = setInterval(() => void stream.write(': ping\n\n'), pingMs)
    try {
      for await (const item of read(gone.signal)) await stream.writeSSE({ id: idOf(item), data: JSON.stringify(item) })
      await stream.writeSSE({ event: 'end', data: '' })
    } finally {
      clearInterval(ping)
      gone.abort()
    }
  })

export const addStreamRoutes = (api: Api, { store }: ApiDeps): void => {
  on(api, 'events', async (context) => {
    const id = param(context, 'id')
    await store.deployments.get(id)
    const after = context.req.header('last-event-id') ?? context.req.query('after')
    const from = after === undefined || after === '' ? {} : { after }
    const events = store.events(id)
    if (wantsStream(context))
      return sendStream(
        context,
        (event: StoredEvent) => event.id,
        (signal) => events.read({ ...from, follow: true, signal }),
      )
    return context.json({ events: await Array.fromAsync(events.read({ ...from, follow: false })) })
  })
  on(api, 'log', async (context) => {
    const ref = { deploymentId: param(context, 'id'), jobId: param(context, 'jobId') }
    await store.jobs.get(ref)
    const after = Number(context.req.header('last-event-id') ?? context.req.query('after') ?? 0)
    const from = Number.isSafeInteger(after) && after > 0 ? { after } : {}
    const log = store.logs(ref)
    if (wantsStream(context))
      return sendStream(
        context,
        (line: LogLine) => String(line.n),
        (signal) => log.read({ ...from, follow: true, signal }),
      )
    return context.json({ lines: await Array.fromAsync(log.read({ ...from, follow: false })) })
  })
}
