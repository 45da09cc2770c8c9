import { type ErrorCode, errorTable, TelpherError } from '../model/errors.ts'

const isCode = (name: unknown): name is ErrorCode => typeof name === 'string' && Object.hasOwn(errorTable, name)

const isJson = (response: Response): boolean => /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get('content-type') ?? '')

/** What answers in place of a Telpher server: a proxy, a login page, another program. */
const stranger = (response: Response, url: string): TelpherError => {
  const type = response.headers.get('content-type')?.split(';')[0] ?? 'no content type'
  return new TelpherError(
    'server_unreachable',
    `${url} answered ${response.status} with ${type}: that is no Telpher server (a proxy, a login page, another program?)`,
  )
}

/** What else is wrong with a request: the detail of a problem names its first part only. */
const otherErrors = (errors: unknown): string[] =>
  (Array.isArray(errors) ? (errors as { pointer?: unknown; detail?: unknown }[]) : [])
    .slice(1, 10)
    .map(({ pointer, detail }) => `${String(pointer).replace(/^\//, '').replaceAll('/', '.')}: ${String(detail)}`)

/** An answer that is no success as the error that it tells of. */
const errorIn = async (response: Response, url: string): Promise<TelpherError> => {
  const problem = isJson(response) ? await response.json().catch(() => undefined) : undefined
  if (typeof problem !== 'object' || problem === null || !('name' in problem)) return stranger(response, url)
  const first = 'detail' in problem ? String(problem.detail) : `the server answered ${response.status}`
  const detail = [first, ...('errors' in problem ? otherErrors(problem.errors) : [])].join('; ')
  const request = 'requestId' in problem && problem.requestId !== '' ? ` (request ${String(problem.requestId)})` : ''
  // A newer server may know codes that this client does not.
  if (!isCode(problem.name)) return new TelpherError(response.status < 500 ? 'invalid_input' : 'internal', `${detail}${request}`)
  return new TelpherError(problem.name, problem.name === 'internal' ? `${detail}${request}` : detail)
}

/** @throws TelpherError what the server said, or server_unreachable when it is none of ours */
export const checkAnswer = async (response: Response, url: string): Promise<Response> => {
  if (response.ok) return response
  throw await errorIn(response, url)
}

/** The JSON of a successful answer. @throws TelpherError */
export const jsonOf = async <T>(response: Response, url: string): Promise<T> => {
  await checkAnswer(response, url)
  if (!isJson(response)) throw stranger(response, url)
  return (await response.json().catch(() => {
    throw stranger(response, url)
  })) as T
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved now',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
}

/** What fetch threw, as the one error that it means. */
export const unreachable = (thrown: unknown, url: string): TelpherError => {
  if (thrown instanceof TelpherError) return thrown
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const isTimeout = thrown instanceof Error && thrown.name === 'TimeoutError'
  const why = isTimeout ? 'it does not answer' : (reasons[code] ?? (cause instanceof Error ? cause.message : String(cause)))
  return new TelpherError('server_unreachable', `the server at ${url} cannot be reached: ${why}`, { cause: thrown })
}
