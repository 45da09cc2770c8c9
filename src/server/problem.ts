import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ZodError } from 'zod'
import { type ErrorCode, errorNumber, TelpherError, toTelpherError } from '../model/errors.ts'

/** HTTP status of each code; codes that are not here are 500. */
const statuses: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  invalid_input: 422,
  invalid_manifest: 422,
  invalid_kubeconfig: 422,
  kubeconfig_plugin: 422,
  empty_package: 422,
  package_missing: 422,
  package_refused: 422,
  package_too_large: 413,
  package_expired: 410,
  deployment_running: 409,
  nothing_failed: 409,
  never_succeeded: 409,
  unknown_target: 404,
  unknown_deployment: 404,
  unknown_freeze: 404,
  unknown_pool: 404,
  pool_exists: 409,
  pool_cordoned: 409,
  pool_in_use: 409,
  lock_busy: 409,
  unknown_secret: 404,
  secret_refused: 422,
  credential_in_clear: 422,
  target_changed: 409,
  unknown_key: 404,
  key_seals: 409,
  key_in_use: 409,
  secret_expired: 410,
  rotation_refused: 409,
  unknown_route: 404,
  unknown_worker: 404,
  target_exists: 409,
  target_in_use: 409,
  idempotency_mismatch: 422,
  idempotency_in_flight: 409,
  unauthorized: 401,
  store_not_empty: 409,
  store_newer: 409,
  backup_damaged: 422,
  redis_unreachable: 503,
  server_closing: 503,
  redis_denied: 503,
  redis_tls: 503,
  redis_timeout: 503,
  redis_full: 507,
}

/** The body of every error (RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** `TEL-1234` */
  readonly code: string
  /** The code as a word, such as `unknown_target`. */
  readonly name: ErrorCode
  /** What to do next. */
  readonly hint: string
  readonly requestId: string
  /** Which parts of the request are wrong, as JSON pointers. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

/** Answers with a problem; an unknown error is our mistake and says nothing of itself outside the log. */
export const answerProblem = (context: Context, thrown: unknown, errors?: Problem['errors']): Response => {
  const error = toTelpherError(thrown)
  const status = statuses[error.code] ?? 500
  const problem: Problem = {
    type: `https://telpher.dev/errors/${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status,
    detail: error.code === 'internal' ? 'something went wrong inside the server' : error.message,
    code: errorNumber(error.code),
    name: error.code,
    hint: error.hint,
    requestId: String(context.get('requestId') ?? ''),
    ...(errors === undefined ? {} : { errors }),
  }
  return context.body(JSON.stringify(problem), status, {
    'content-type': 'application/problem+json',
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="telpher"' } : {}),
    ...(error.retryable ? { 'retry-after': '1' } : {}),
  })
}

/** A request that does not fit its schema. */
export class InvalidRequest extends Error {
  readonly issues: ZodError

  constructor(issues: ZodError) {
    super('the request does not fit its schema')
    this.issues = issues
  }
}

/** A request that does not fit its schema, with a pointer to each wrong part. */
export const answerInvalid = (context: Context, error: ZodError): Response => {
  const errors = error.issues.map((issue) => ({ pointer: `/${issue.path.map(String).join('/')}`, detail: issue.message }))
  const first = errors[0]
  const field = first?.pointer.slice(1).replaceAll('/', '.') ?? ''
  return answerProblem(
    context,
    new TelpherError('invalid_input', `${field === '' ? 'body' : field}: ${first?.detail ?? 'invalid'}`, { field }),
    errors,
  )
}
