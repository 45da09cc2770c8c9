import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expositionType } from '../src/telemetry/registry.ts'

export interface Health {
  readonly port: number
  close(): Promise<void>
}

/** One thing that must be well before a worker takes work. */
export interface ReadyCheck {
  readonly name: string
  /** Why it is not; undefined when it is. */
  readonly reason: string | undefined
}

interface HealthOptions {
  /** Address and port to listen on; port 0 for a free one. */
  readonly host: string
  readonly port: number
  readonly checks: () => readonly ReadyCheck[]
  /** What is counted, in Prometheus' text format 0.0.4. */
  readonly metrics: () => string
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly type?: string
}

/** Why this worker takes no work; undefined when it does. */
export const reasonOf = (checks: readonly ReadyCheck[]): string | undefined => checks.find(({ reason }) => reason !== undefined)?.reason

/** As kube-apiserver's own /readyz?verbose: a line a check. */
const verboseBody = (checks: readonly ReadyCheck[]): string =>
  [
    ...checks.map(({ name, reason }) => (reason === undefined ? `[+]${name} ok` : `[-]${name}: ${reason}`)),
    reasonOf(checks) === undefined ? 'ready' : 'not ready',
    '',
  ].join('\n')

/**
 * The worker's health endpoints: /livez has no dependencies, /readyz says whether it takes work, and with ?verbose why not, /metrics counts.
 * @throws Error of the socket when the address cannot be listened on
 */
export const serveHealth = async ({ host, port, checks, metrics }: HealthOptions): Promise<Health> => {
  const answers: Readonly<Record<string, (query: URLSearchParams) => Answer>> = {
    '/livez': () => ({ status: 200, body: 'ok\n' }),
    '/readyz': (query) => {
      const now = checks()
      const reason = reasonOf(now)
      return { status: reason === undefined ? 200 : 503, body: query.has('verbose') ? verboseBody(now) : `${reason ?? 'ok'}\n` }
    },
    '/metrics': () => ({ status: 200, body: metrics(), type: expositionType }),
  }
  const server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const asked = Object.hasOwn(answers, path) ? answers[path] : undefined
    const { status, body, type = 'text/plain; charset=utf-8' } = asked?.(new URLSearchParams(query)) ?? { status: 404, body: 'not found\n' }
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, host, resolve)
  await promise
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
