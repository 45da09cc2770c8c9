import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { CheckReport } from '../model/check.ts'
import type { Deployment, Job, LogLine, StoredEvent } from '../model/deployment.ts'
import { type ErrorCode, errorTable, TelpherError } from '../model/errors.ts'
import type { DeploymentRequestInput } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import type { SeenWorker } from '../model/worker.ts'
import { readStream } from './sse.ts'

export interface Detail {
  readonly deployment: Deployment
  readonly jobs: readonly Job[]
}

/** A typed client of the HTTP API: each method is one request, errors are TelpherErrors with the server's code. */
export interface Client {
  readonly url: string
  uploadPackage(bytes: Uint8Array, sha256: string): Promise<void>
  deploy(request: DeploymentRequestInput, key?: string): Promise<Detail>
  deployment(id: string): Promise<Detail>
  deployments(limit: number, cursor?: string): Promise<{ readonly deployments: readonly Deployment[]; readonly next?: string }>
  cancel(id: string): Promise<Detail>
  /** Events from the beginning and on until the deployment has finished; a cut connection is resumed. */
  events(id: string, signal?: AbortSignal): AsyncIterable<StoredEvent>
  log(id: string, jobId: string): Promise<readonly LogLine[]>
  followLog(id: string, jobId: string, signal?: AbortSignal): AsyncIterable<LogLine>
  targets(): Promise<readonly Target[]>
  target(name: string): Promise<Target>
  addTarget(target: object): Promise<Target>
  removeTarget(name: string): Promise<void>
  startCheck(name: string): Promise<{ readonly id: string; readonly waitsFor?: string }>
  check(name: string, id: string): Promise<CheckReport | undefined>
  workers(): Promise<{ readonly workers: readonly SeenWorker[]; readonly now: number }>
}

interface ProblemBody {
  readonly name?: string
  readonly detail?: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

const requestMs = 60_000

const isCode = (name: string): name is ErrorCode => Object.hasOwn(errorTable, name)

const refusalOf = async (response: Response, url: string): Promise<TelpherError> => {
  const type = response.headers.get('content-type') ?? ''
  if (!type.includes('json'))
    return new TelpherError(
      'server_unreachable',
      `${url} answered ${response.status} with ${type || 'no type'}: that is not a Telpher server`,
    )
  const problem = (await response.json().catch(() => ({}))) as ProblemBody
  const name = problem.name ?? ''
  return new TelpherError(isCode(name) ? name : 'internal', problem.detail ?? `the server answered ${response.status}`)
}

/**
 * @param server address such as http://127.0.0.1:7373
 * @param tokenFile file with the bearer token, read with the first request
 */
export const createClient = (server: string, tokenFile: string): Client => {
  const url = server.replace(/\/$/, '')
  let token: Promise<string> | undefined
  const authorization = async (): Promise<string> => {
    token ??= readFile(tokenFile, 'utf8')
    const text = await token.catch((cause: unknown) => {
      throw new TelpherError('unauthorized', `the token file ${tokenFile} cannot be read`, { cause })
    })
    return `Bearer ${text.trim()}`
  }
  const send = async (
    method: string,
    path: string,
    init: { body?: string | Uint8Array; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> => {
    const headers = { authorization: await authorization(), accept: 'application/json', ...init.headers }
    const signal = init.signal ?? AbortSignal.timeout(requestMs)
    const response = await fetch(`${url}${path}`, {
      method,
      headers,
      signal,
      redirect: 'error',
      ...(init.body === undefined ? {} : { body: init.body as string | Uint8Array<ArrayBuffer> }),
    }).catch((cause: unknown) => {
      if (init.signal?.aborted) throw cause
      throw new TelpherError('server_unreachable', `${url} cannot be reached`, { cause })
    })
    if (!response.ok) throw await refusalOf(response, url)
    return response
  }
  const get = async <T>(path: string): Promise<T> => (await (await send('GET', path)).json()) as T
  const post = async <T>(path: string, body?: object, headers: Record<string, string> = {}): Promise<T> => {
    const response = await send('POST', path, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await response.json()) as T
  }
  const follow = <T>(path: string, signal: AbortSignal | undefined): AsyncIterable<T> =>
    readStream<T>(async (lastId, aborted) => {
      const headers = { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) }
      return (await send('GET', path, { headers, signal: aborted })).body
    }, signal)
  const at = (id: string): string => `/v1/deployments/${encodeURIComponent(id)}`
  const targetAt = (name: string): string => `/v1/targets/${encodeURIComponent(name)}`
  const logAt = (id: string, jobId: string): string => `${at(id)}/jobs/${encodeURIComponent(jobId)}/log`

  return {
    url,
    async uploadPackage(bytes, sha256) {
      const known = await get(`/v1/packages/${sha256}`).then(
        () => true,
        (thrown: unknown) => {
          if (thrown instanceof TelpherError && thrown.code === 'package_missing') return false
          throw thrown
        },
      )
      if (!known) await send('POST', '/v1/packages', { body: bytes, headers: { 'content-type': 'application/octet-stream' } })
    },
    deploy: (request, key = randomUUID()) => post('/v1/deployments', request, { 'idempotency-key': key }),
    deployment: (id) => get(at(id)),
    deployments: (limit, cursor) =>
      get(`/v1/deployments?limit=${limit}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`),
    cancel: (id) => post(`${at(id)}/cancel`),
    events: (id, signal) => follow(`${at(id)}/events`, signal),
    log: async (id, jobId) => (await get<{ lines: LogLine[] }>(logAt(id, jobId))).lines,
    followLog: (id, jobId, signal) => follow(logAt(id, jobId), signal),
    targets: async () => (await get<{ targets: Target[] }>('/v1/targets')).targets,
    target: (name) => get(targetAt(name)),
    addTarget: (target) => post('/v1/targets', target),
    async removeTarget(name) {
      await send('DELETE', targetAt(name))
    },
    startCheck: (name) => post(`${targetAt(name)}/checks`),
    async check(name, id) {
      const response = await send('GET', `${targetAt(name)}/checks/${encodeURIComponent(id)}`)
      return response.status === 202 ? undefined : ((await response.json()) as CheckReport)
    },
    workers: () => get('/v1/workers'),
  }
}
