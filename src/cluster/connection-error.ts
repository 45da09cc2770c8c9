import { TelpherError } from '../model/errors.ts'

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

const expired: readonly string[] = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']
const resolving: readonly string[] = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA']
const unreachable: readonly string[] = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EADDRNOTAVAIL']
const untrusted = /^(?:ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|EPROTO|INVALID_CA)/

/**
 * What Node says of a failed request, in our words with the address. The codes target_dns and target_unreachable mean
 * that nothing of the request was sent (nodejs.org: TLS and system error codes).
 * @param base the target's address
 */
export const connectionError = (error: Error, base: URL, signal?: AbortSignal): TelpherError => {
  if (error instanceof TelpherError) return error
  if (signal?.reason instanceof TelpherError) return signal.reason
  const code = codeOf(error)
  const where = base.host
  if (resolving.includes(code))
    return new TelpherError('target_dns', `the host name of ${where} cannot be resolved (${code})`, { cause: error })
  if (unreachable.includes(code)) return new TelpherError('target_unreachable', `${where} cannot be reached (${code})`, { cause: error })
  if (expired.includes(code))
    return new TelpherError('target_certificate_expired', `the certificate of ${where} has expired or is not yet valid`, { cause: error })
  if (untrusted.test(code))
    return new TelpherError('target_tls', `the certificate of ${where} is not trusted: ${error.message} (${code})`, { cause: error })
  return new TelpherError('target_error', `the connection to ${where} broke: ${error.message}${code === '' ? '' : ` (${code})`}`, {
    cause: error,
  })
}
