import type { ServerResponse } from 'node:http'
import { type ErrorCode, errorNumber, errorTable, toTelpherError } from '../model/errors.ts'

/** A refusal of the gate, on its way to become a Kubernetes Status. */
export interface Refusal {
  readonly code: ErrorCode
  readonly http: number
  readonly message: string
}

/** k8s.io/apimachinery/pkg/apis/meta/v1, StatusReason. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  500: 'InternalError',
  502: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

const httpOf: Partial<Record<ErrorCode, number>> = {
  gate_superseded: 403,
  gate_closed: 403,
  credential_expired: 401,
  target_unauthorized: 401,
  target_timeout: 504,
  target_tls: 502,
  target_certificate_expired: 502,
  target_error: 502,
  internal: 500,
}

/** What was thrown on the way, as an answer: what may pass by itself is 503. */
export const refusalOf = (thrown: unknown): Refusal => {
  const error = toTelpherError(thrown)
  return { code: error.code, http: httpOf[error.code] ?? 503, message: error.message }
}

/** The body that kubectl and helm print (Kubernetes API conventions, "Response status kind"), with the next step. */
export const statusOf = ({ code, http, message }: Refusal): string =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${message} (${errorNumber(code)} ${code}: ${errorTable[code][3]})`,
    reason: reasons[http] ?? 'InternalError',
    code: http,
  })

/**
 * Answers with a Status; a response that has begun is cut instead, since nothing else can be said in it.
 * @returns whether the client could be told
 */
export const answerStatus = (response: ServerResponse, refusal: Refusal): boolean => {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return false
  }
  const body = statusOf(refusal)
  response.writeHead(refusal.http, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' })
  response.end(body)
  return true
}
