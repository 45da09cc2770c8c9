import { setTimeout as sleep } from 'node:timers/promises'
import type { OtlpConfig } from './otlp-config.ts'
import { type Attributes, type Instrument, instrumentJson, keyValues, type Span, spanJson } from './otlp-types.ts'

/** Spans that wait to be sent, at most, and those that go in one request (the defaults of OTEL_BSP_MAX_QUEUE_SIZE and its batch). */
const mostWaiting = 2048
const mostAtOnce = 512
/** Between two tries, in ms, doubled with each. */
const [firstPauseMs, longestPauseMs] = [1000, 30_000]
/** Answers after which the same may be sent again (opentelemetry.io/docs/specs/otlp, Retryable Response Codes). */
const retryable: readonly number[] = [429, 502, 503, 504]
/** What the end of the process waits for, in ms. */
const goodbyeMs = 2000

export interface OtlpOptions {
  readonly config: OtlpConfig
  /** What this process is, besides what the configuration says. */
  readonly resource: Attributes
  readonly version: string
  /** Told how many spans will never be sent. */
  readonly onDropped: (count: number) => void
  readonly log: (line: object) => void
  /** Read before metrics are sent; what it throws leaves them out this time. */
  readonly instruments?: () => Promise<readonly Instrument[]>
}

export interface Otlp {
  /** Never waits and never throws. */
  span(span: Span): void
  /** Sends what waits, for at most 2 s. */
  close(): Promise<void>
}

/** Sends spans and metrics as JSON over HTTP. Nothing of it can hold anything else up: what does not go in time is dropped and counted. */
export const startOtlp = ({ config, resource, version, onDropped, log, instruments }: OtlpOptions): Otlp => {
  const since = Date.now()
  const from = { attributes: keyValues({ ...config.resource, ...resource, 'service.version': version }) }
  const scope = { name: 'telpher', version }
  const waiting: Span[] = []
  let pauseMs = 0
  let said = ''

  const tell = (word: string): void => {
    if (word !== said && word !== '') log({ level: 'warn', msg: 'OpenTelemetry data is not taken', error: word })
    said = word
  }
  /** @returns whether it was taken, may be sent again, or never will be taken */
  const post = async (url: string, body: object): Promise<'taken' | 'again' | 'never'> => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...config.headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(config.timeoutMs),
        redirect: 'error',
      })
      await answer.body?.cancel()
      tell(answer.ok ? '' : `${new URL(url).host} answers ${answer.status}`)
      if (answer.ok) return 'taken'
      return retryable.includes(answer.status) ? 'again' : 'never'
    } catch (thrown) {
      tell(`${new URL(url).host}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
      return 'again'
    }
  }
  const sendSpans = async (): Promise<void> => {
    const { tracesUrl } = config
    while (waiting.length > 0 && tracesUrl !== undefined) {
      const spans = waiting.splice(0, mostAtOnce)
      const body = { resourceSpans: [{ resource: from, scopeSpans: [{ scope, spans: spans.map(spanJson) }] }] }
      const outcome = await post(tracesUrl, body)
      if (outcome === 'again') {
        const room = Math.max(0, mostWaiting - waiting.length)
        waiting.unshift(...spans.slice(-room || spans.length))
        const lost = spans.length - Math.min(room, spans.length)
        if (lost > 0) onDropped(lost)
        pauseMs = Math.min(longestPauseMs, pauseMs === 0 ? firstPauseMs : pauseMs * 2)
        return
      }
      pauseMs = 0
      if (outcome === 'never') onDropped(spans.length)
    }
  }
  const sendMetrics = async (): Promise<void> => {
    const { metricsUrl } = config
    if (metricsUrl === undefined || instruments === undefined) return
    const read = await instruments().catch(() => undefined)
    const metrics = (read ?? []).filter(({ points }) => points.length > 0).map((one) => instrumentJson(one, since, Date.now()))
    if (metrics.length > 0) await post(metricsUrl, { resourceMetrics: [{ resource: from, scopeMetrics: [{ scope, metrics }] }] })
  }
  const ending = new AbortController()
  const loop = async (ms: () => number, work: () => Promise<void>): Promise<void> => {
    while (!ending.signal.aborted) {
      await sleep(ms(), undefined, { signal: ending.signal, ref: false }).catch(() => {})
      if (!ending.signal.aborted) await work()
    }
  }
  const loops = [loop(() => Math.max(config.delayMs, pauseMs), sendSpans), loop(() => config.intervalMs, sendMetrics)]
  return {
    span(span) {
      if (config.tracesUrl === undefined) return
      if (waiting.length >= mostWaiting) return onDropped(1)
      waiting.push(span)
    },
    async close() {
      ending.abort()
      const last = Promise.all(loops).then(() => Promise.all([sendSpans(), sendMetrics()]))
      await Promise.race([last, sleep(goodbyeMs, undefined, { ref: false })])
      if (waiting.length > 0) onDropped(waiting.splice(0).length)
    },
  }
}
