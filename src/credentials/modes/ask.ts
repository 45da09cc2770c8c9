import { setTimeout as pause } from 'node:timers/promises'
import { mustBeKubernetes, readAnswer } from '../../model/answer.ts'
import { type ErrorCode, TelpherError } from '../../model/errors.ts'
import type { ClusterConnection } from '../../model/ports.ts'
import { becomesReady } from '../../model/ready.ts'

const timeoutMs = 10_000
const patienceMs = 20_000
const firstPauseMs = 200
const longestPauseMs = 2000
/** A page of a hundred objects, each with as many labels and managers as anybody gives them. */
const mostRead = 4 * 1024 * 1024

/** Where calls go. */
export interface Api {
  readonly connection: ClusterConnection
  /** The target's address, for errors. */
  readonly server: string
}

export interface Asked {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: object
  /** Of the body; JSON when absent. */
  readonly type?: string
}

/** A whole answer in JSON. */
export interface Told {
  readonly status: number
  readonly body: unknown
  /** The server's clock when it answered, ms since the epoch, to the second; ours where it does not say. */
  readonly date: number
}

/** What may have had no effect, or may be repeated since our calls are idempotent: the server is away, or asks for patience. */
const passingCodes: readonly ErrorCode[] = [
  'target_unreachable',
  'target_timeout',
  'target_error',
  'pipe_no_worker',
  'pipe_unsent',
  'pipe_cut',
]

const passing = (thrown: unknown): boolean => thrown instanceof TelpherError && passingCodes.includes(thrown.code)

const once = async ({ connection, server }: Api, { method, path, body, type = 'application/json' }: Asked): Promise<Told> => {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const answer = await connection.request({
    method,
    path,
    timeoutMs,
    // Node says no length of the body of a DELETE by itself: the server would take it for the next request.
    headers: {
      accept: 'application/json',
      ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    },
    ...(text === undefined ? {} : { body: text }),
  })
  const told = await readAnswer(answer.body, mostRead)
  mustBeKubernetes(server, answer, told)
  const date = Date.parse(answer.headers.date ?? '')
  return { status: answer.status, body: told, date: Number.isNaN(date) ? Date.now() : date }
}

/**
 * One call of our own to the API server, tried again for 20 s while it is away or overloaded; what it refuses is asked once more when it is
 * ready, since it refuses everything to everybody just after its start.
 * @returns any answer but 429 and 5xx
 * @throws TelpherError of the connection; target_error for 429 and 5xx
 */
export const ask = async (api: Api, asked: Asked): Promise<Told> => {
  const end = performance.now() + patienceMs
  let isSure = false
  for (let wait = firstPauseMs; ; wait = Math.min(wait * 2, longestPauseMs)) {
    try {
      const told = await once(api, asked)
      if (told.status === 403 && !isSure) {
        isSure = true
        await becomesReady(api.connection, AbortSignal.timeout(patienceMs))
        continue
      }
      if (told.status !== 429 && told.status < 500) return told
      throw new TelpherError('target_error', `${asked.method} ${asked.path} was answered with ${told.status}${said(told)}`)
    } catch (thrown) {
      if (!passing(thrown) || performance.now() + wait > end) throw thrown
      await pause(wait)
    }
  }
}

/** The sentence of a Status, as the end of ours. */
export const said = ({ body }: Pick<Told, 'body'>): string =>
  typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string'
    ? `: ${body.message.slice(0, 300)}`
    : ''
