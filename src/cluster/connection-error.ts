import { TelpherError } from '../model/errors.ts'

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

const expired: readonly string[] = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']
const resolving: readonly string[] = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA']
const untrusted = /^(?:ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|EPROTO|INVALID_CA)/

/** Where the request was when it failed. */
export interface Failing {
  /** Whether the connection stood, so that something of the request may have been sent. */
  readonly sent: boolean
  readonly signal?: AbortSignal | undefined
}

const cutError = (error: TelpherError, base: URL, sent: boolean): TelpherError =>
  sent
    ? new TelpherError('pipe_cut', `the pipe to ${base.host} was cut: ${error.message}; the request may have had its effect`, {
        cause: error,
      })
    : new TelpherError('pipe_unsent', `there is no pipe to ${base.host}: ${error.message}; nothing was sent`, { cause: error })

/**
 * What Node says of a failed request, in our words with the address (nodejs.org: TLS and system error codes).
 * The codes target_dns, target_unreachable and pipe_unsent are given only when nothing of the request was sent: the same system codes
 * (ETIMEDOUT, EHOSTUNREACH) also come from a connection that stood, and are then target_error.
 * @param base the target's address
 */
export const connectionError = (error: Error, base: URL, { sent, signal }: Failing): TelpherError => {
  if (error instanceof TelpherError) return error.code === 'pipe_cut' ? cutError(error, base, sent) : error
  if (signal?.reason instanceof TelpherError) return signal.reason
  const code = codeOf(error)
  const where = base.host
  const because = { cause: error }
  if (expired.includes(code))
    return new TelpherError('target_certificate_expired', `the certificate of ${where} has expired or is not yet valid`, because)
  if (untrusted.test(code)) return new TelpherError('target_tls', `no TLS with ${where}: ${error.message} (${code})`, because)
  const said = `${error.message}${code === '' || error.message.includes(code) ? '' : ` (${code})`}`
  if (sent) return new TelpherError('target_error', `the connection to ${where} broke: ${said}`, because)
  if (resolving.includes(code)) return new TelpherError('target_dns', `the host name of ${where} cannot be resolved (${code})`, because)
  return new TelpherError('target_unreachable', `${where} cannot be reached: ${said === '' ? code : said}`, because)
}
