import type { ServerResponse } from 'node:http'
import { type ErrorCode, errorNumber } from '../model/errors.ts'

/** A refusal of the gate, on its way to become a Kubernetes Status. */
export interface Refusal {
  readonly code: ErrorCode
  readonly http: number
  readonly message: string
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  410: 'Gone',
  502: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** The body that kubectl and helm print (Kubernetes API conventions, "Response status kind"). */
export const statusOf = ({ code, http, message }: Refusal): string =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${message} (${errorNumber(code)} ${code})`,
    reason: reasons[http] ?? 'InternalError',
    code: http,
  })

/** Answers with a Status; a response that has begun is cut instead, since nothing else can be said in it. */
export const answerStatus = (response: ServerResponse, refusal: Refusal): void => {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const body = statusOf(refusal)
  response.writeHead(refusal.http, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' })
  response.end(body)
}
