/** The parts of the OpenTelemetry protocol that are sent, in its JSON form (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding). */
export type Attributes = Readonly<Record<string, string | number | boolean>>

interface KeyValue {
  readonly key: string
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number }
    | { readonly boolValue: boolean }
}

export const keyValues = (attributes: Attributes): readonly KeyValue[] =>
  Object.entries(attributes).map(([key, value]) => {
    if (typeof value === 'string') return { key, value: { stringValue: value } }
    if (typeof value === 'boolean') return { key, value: { boolValue: value } }
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } }
  })

/** ms since the epoch as the protocol has times. */
const nanos = (ms: number): string => `${Math.round(ms)}000000`

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: 'server' | 'internal'
  /** ms since the epoch. */
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: Attributes
  /** Why it went wrong; absent when it did not. */
  readonly error?: string
}

const kinds: Readonly<Record<Span['kind'], number>> = { internal: 1, server: 2 }

export const spanJson = ({ traceId, spanId, parentSpanId, name, kind, startedAt, endedAt, attributes, error }: Span): object => ({
  traceId,
  spanId,
  ...(parentSpanId === undefined ? {} : { parentSpanId }),
  name,
  kind: kinds[kind],
  startTimeUnixNano: nanos(startedAt),
  endTimeUnixNano: nanos(Math.max(startedAt, endedAt)),
  attributes: keyValues(attributes),
  status: error === undefined ? {} : { code: 2, message: error },
})

/** A value of a counter that grows, of one that goes both ways, or a histogram; each since the process began. */
export type Point = { readonly attributes: Attributes } & (
  | { readonly value: number }
  | { readonly count: number; readonly sum: number; readonly buckets: readonly number[] }
)

export interface Instrument {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly type: 'counter' | 'updown' | 'histogram'
  readonly bounds?: readonly number[]
  readonly points: readonly Point[]
}

/** Cumulative temporality (opentelemetry.io/docs/specs/otel/metrics/data-model). */
const cumulative = 2

export const instrumentJson = ({ name, unit, description, type, bounds = [], points }: Instrument, since: number, now: number): object => {
  const dataPoints = points.map(({ attributes, ...point }) => ({
    attributes: keyValues(attributes),
    startTimeUnixNano: nanos(since),
    timeUnixNano: nanos(now),
    ...('value' in point
      ? { asInt: String(point.value) }
      : { count: String(point.count), sum: point.sum, bucketCounts: point.buckets.map(String), explicitBounds: bounds }),
  }))
  const data = { aggregationTemporality: cumulative, dataPoints }
  return {
    name,
    unit,
    description,
    ...(type === 'histogram' ? { histogram: data } : { sum: { ...data, isMonotonic: type === 'counter' } }),
  }
}
