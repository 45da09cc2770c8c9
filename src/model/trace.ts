/** A place in a trace of somebody else's (w3.org/TR/trace-context, version 00). */
export interface TraceContext {
  /** 16 bytes in hexadecimal. */
  readonly traceId: string
  /** 8 bytes in hexadecimal. */
  readonly spanId: string
  readonly sampled: boolean
}

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** Reads a `traceparent`; what is none is as if it was not there, as the standard asks. */
export const readTraceparent = (header: string | undefined): TraceContext | undefined => {
  const [, traceId, spanId, flags] = form.exec(header?.trim() ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
