import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WarmCounts } from './warm.ts'

export interface Health {
  readonly port: number
  close(): Promise<void>
}

interface HealthOptions {
  /** Why the worker takes no work, or undefined when it does. */
  readonly ready: () => string | undefined
  readonly containers: () => WarmCounts
}

/** Prometheus' text format 0.0.4. */
const metricsOf = ({ warm, cold, idle }: WarmCounts): string =>
  [
    '# HELP telpher_containers_taken_total Containers that jobs took, by whether one was waiting.',
    '# TYPE telpher_containers_taken_total counter',
    `telpher_containers_taken_total{start="warm"} ${warm}`,
    `telpher_containers_taken_total{start="cold"} ${cold}`,
    '# HELP telpher_containers_waiting Containers that wait for a job.',
    '# TYPE telpher_containers_waiting gauge',
    `telpher_containers_waiting ${idle}`,
    '',
  ].join('\n')

/**
 * The worker's health endpoints: /livez has no dependencies, /readyz says whether it takes work, /metrics counts.
 * @param port 0 for a free one
 */
export const serveHealth = async (port: number, { ready, containers }: HealthOptions): Promise<Health> => {
  const answers: Readonly<Record<string, () => { readonly status: number; readonly body: string }>> = {
    '/livez': () => ({ status: 200, body: 'ok\n' }),
    '/readyz': () => {
      const reason = ready()
      return { status: reason === undefined ? 200 : 503, body: `${reason ?? 'ok'}\n` }
    },
    '/metrics': () => ({ status: 200, body: metricsOf(containers()) }),
  }
  const server = createServer((request, response) => {
    const { status, body } = answers[request.url ?? '']?.() ?? { status: 404, body: 'not found\n' }
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(body)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
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
