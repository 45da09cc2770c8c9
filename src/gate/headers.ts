import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** Headers of one hop (RFC 9110 section 7.6.1), and those by which a client could claim to be somebody. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'authorization',
  'cookie',
  'expect',
  'content-length',
  'http2-settings',
])
const droppedPrefixes = ['impersonate-', 'x-remote-', 'x-forwarded-', 'forwarded'] as const
/** A browser's way to authenticate a WebSocket (k8s.io/apiserver, pkg/authentication/request/websocket). */
const bearerProtocol = 'base64url.bearer.authorization.k8s.io.'

const passes = (name: string): boolean => !dropped.has(name) && !droppedPrefixes.some((prefix) => name.startsWith(prefix))

const listed = (value: string | undefined): string[] => (value ?? '').split(',').map((one) => one.trim())

/**
 * The headers that go on to the API server.
 * @param mark appended to User-Agent, so that the API server's own audit log tells attempts apart
 */
export const forwarded = (headers: IncomingHttpHeaders, mark: string): OutgoingHttpHeaders => {
  const named = listed(headers.connection?.toLowerCase())
  const kept: OutgoingHttpHeaders = {}
  for (const [name, value] of Object.entries(headers)) if (passes(name) && !named.includes(name)) kept[name] = value
  const protocols = headers['sec-websocket-protocol']
  if (protocols?.includes(bearerProtocol) === true)
    kept['sec-websocket-protocol'] = listed(protocols)
      .filter((one) => !one.startsWith(bearerProtocol))
      .join(', ')
  kept['user-agent'] = `${headers['user-agent'] ?? 'unknown'} ${mark}`
  return kept
}

const conditions = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range']

/** The same without what would ask for less than the whole document. */
export const unconditional = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !conditions.includes(name)))

/**
 * The headers for a write: its answer is to come as JSON and plain, so that uid and generation can be read. A client's own
 * wishes among the forms of JSON (such as `as=PartialObjectMetadata`) stay.
 */
export const forWrite = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders => {
  const { 'accept-encoding': _, accept, ...rest } = headers
  const json = listed(String(accept ?? '')).filter((one) => one.startsWith('application/json;') && one.includes('as='))
  return { ...rest, accept: [...json, 'application/json'].join(',') }
}

const hopOfAnswer = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'www-authenticate',
  'trailer',
  'set-cookie',
])

/** The headers of an answer that go back to the client. */
export const answered = (headers: IncomingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopOfAnswer.has(name)))
