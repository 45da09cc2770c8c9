import { TelpherError } from '../model/errors.ts'
import type { Attributes } from './otlp-types.ts'

/** Where and how OpenTelemetry data is sent. */
export interface OtlpConfig {
  /** Absent where none is wanted. */
  readonly tracesUrl?: string
  readonly metricsUrl?: string
  readonly headers: Readonly<Record<string, string>>
  /** Of one request, in ms. */
  readonly timeoutMs: number
  /** Between two sendings of metrics, in ms. */
  readonly intervalMs: number
  /** Between two sendings of spans, in ms. */
  readonly delayMs: number
  readonly resource: Attributes
}

/** `a=b,c=d`, percent-encoded (W3C baggage, as the specification of the exporter says). @throws TelpherError invalid_input */
const pairsOf = (name: string, text = ''): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => {
        const at = pair.indexOf('=')
        // The text is not told again: it may hold a key.
        if (at < 1) throw new TelpherError('invalid_input', `${name}: use NAME=VALUE, with commas between`, { field: name })
        try {
          return [decodeURIComponent(pair.slice(0, at).trim()), decodeURIComponent(pair.slice(at + 1).trim())]
        } catch {
          throw new TelpherError('invalid_input', `${name}: a value is not percent-encoded as it should be`, { field: name })
        }
      }),
  )

const msOf = (name: string, text: string | undefined, fallback: number): number => {
  if (text === undefined || text === '') return fallback
  const ms = Number(text)
  if (!Number.isInteger(ms) || ms < 1) throw new TelpherError('invalid_input', `${name}: use milliseconds, at least 1`, { field: name })
  return ms
}

const urlOf = (name: string, text: string): string => {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new TelpherError('invalid_input', `${name}: use http://HOST:PORT or https://HOST:PORT`, { field: name })
  return url.href
}

/**
 * The standard variables of OpenTelemetry exporters (opentelemetry.io/docs/specs/otel/protocol/exporter).
 * @returns undefined when nothing is to be sent
 * @throws TelpherError invalid_input that names the first bad variable
 */
export const readOtlp = (env: Readonly<Record<string, string | undefined>>): OtlpConfig | undefined => {
  if (env['OTEL_SDK_DISABLED'] === 'true') return undefined
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT']
  const endpoint = (signal: 'traces' | 'metrics'): string | undefined => {
    const upper = signal.toUpperCase()
    if (env[`OTEL_${upper}_EXPORTER`] === 'none') return undefined
    const own = env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`]
    if (own) return urlOf(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`, own)
    return base ? `${urlOf('OTEL_EXPORTER_OTLP_ENDPOINT', base).replace(/\/$/, '')}/v1/${signal}` : undefined
  }
  const [tracesUrl, metricsUrl] = [endpoint('traces'), endpoint('metrics')]
  if (tracesUrl === undefined && metricsUrl === undefined) return undefined
  const attributes = pairsOf('OTEL_RESOURCE_ATTRIBUTES', env['OTEL_RESOURCE_ATTRIBUTES'])
  return {
    ...(tracesUrl === undefined ? {} : { tracesUrl }),
    ...(metricsUrl === undefined ? {} : { metricsUrl }),
    headers: pairsOf('OTEL_EXPORTER_OTLP_HEADERS', env['OTEL_EXPORTER_OTLP_HEADERS']),
    timeoutMs: msOf('OTEL_EXPORTER_OTLP_TIMEOUT', env['OTEL_EXPORTER_OTLP_TIMEOUT'], 10_000),
    intervalMs: msOf('OTEL_METRIC_EXPORT_INTERVAL', env['OTEL_METRIC_EXPORT_INTERVAL'], 60_000),
    delayMs: msOf('OTEL_BSP_SCHEDULE_DELAY', env['OTEL_BSP_SCHEDULE_DELAY'], 5000),
    resource: {
      'service.name': 'telpher',
      ...attributes,
      ...(env['OTEL_SERVICE_NAME'] ? { 'service.name': env['OTEL_SERVICE_NAME'] } : {}),
    },
  }
}
