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
])
const droppedPrefixes = ['impersonate-', 'x-remote-', 'x-forwarded-', 'forwarded'] as const

const passes = (name: string): boolean => !dropped.has(name) && !droppedPrefixes.some((prefix) => name.startsWith(prefix))

/**
 * The headers that go on to the API server.
 * @param mark appended to User-Agent, so that the API server's own audit log tells attempts apart
 */
export const forwarded = (headers: IncomingHttpHeaders, mark: string): OutgoingHttpHeaders => {
  const named = new Set((headers.connection ?? '').toLowerCase().split(',').map((name) => name.trim()))
  const kept = Object.entries(headers).filter(([name]) => passes(name) && !named.has(name))
  return { ...Object.fromEntries(kept), 'user-agent': `${headers['user-agent'] ?? 'unknown'} ${mark}` }
}

const hopOfAnswer = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-authenticate', 'trailer', 'set-cookie'])

/** The headers of an answer that go back to the client. */
export const answered = (headers: IncomingHttpHeaders): OutgoingHttpHeaders => Object.fromEntries(Object.entries(headers).filter(([name]) => !hopOfAnswer.has(name)))
