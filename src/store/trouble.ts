import { TelpherError } from '../model/errors.ts'

const unreachable =
  /^(READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|NOREPLICAS)|closed|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EACCES|ENOENT|max retries per request|cluster|sentinel|startup nodes|socket hang up/i

const denied = /NOAUTH|WRONGPASS|NOPERM|user executing the script/

const tls = /certificate|self.signed|SSL|TLS|CERT_|altnames/

/** A transaction that was given up says why only in the errors of its commands. */
const messageOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  const [previous] = 'previousErrors' in thrown && Array.isArray(thrown.previousErrors) ? (thrown.previousErrors as unknown[]) : []
  return previous instanceof Error ? previous.message : thrown.message
}

/** What a cluster that cannot be reached says of each of its nodes. */
const reasonOf = (error: unknown): string => {
  const last = error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : undefined
  return messageOf(last ?? error)
}

/**
 * What ioredis or Redis said, as an error that a person can act on.
 * @param place host and port
 * @param trouble what the connection itself said last: a command that could not be sent knows only that there is none
 */
export const toStoreError = (thrown: unknown, place: string, trouble?: unknown): TelpherError => {
  if (thrown instanceof TelpherError) return thrown
  const message = messageOf(thrown)
  const said = trouble === undefined ? message : reasonOf(trouble)
  const own = (code: 'redis_full' | 'redis_timeout' | 'redis_denied' | 'redis_tls' | 'redis_unreachable' | 'internal', text: string) =>
    new TelpherError(code, text, { cause: thrown })
  if (/^(OOM|MISCONF)/.test(message)) return own('redis_full', `Redis at ${place} refuses to write: ${message}`)
  if (denied.test(message)) return own('redis_denied', `Redis at ${place} refuses this user: ${message}`)
  if (denied.test(said)) return own('redis_denied', `Redis at ${place} refuses this user: ${said}`)
  if (tls.test(said)) return own('redis_tls', `no TLS connection with Redis at ${place}: ${said}`)
  if (/timed out/i.test(message)) return own('redis_timeout', `Redis at ${place} did not answer in time`)
  if (unreachable.test(message)) return own('redis_unreachable', `Redis at ${place} cannot be used: ${said}`)
  return own('internal', `Redis at ${place} refused a command: ${message}`)
}
