import { createServer } from 'node:net'
import type { PortFacts } from '../../doctor/port.ts'

const answerMs = 2000

/** The error code of a try to listen, or undefined when it worked; nothing listens afterwards. */
const tryToListen = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })

/** Whether a Telpher server says there that it is alive. */
const isTelpher = async (host: string, port: number): Promise<boolean> => {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  try {
    const address = `http://${name.includes(':') ? `[${name}]` : name}:${port}/livez`
    const response = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(answerMs) })
    // Its own answers carry the id of the request.
    return (
      response.ok &&
      /^req_/.test(response.headers.get('x-request-id') ?? '') &&
      ((await response.json()) as { status?: unknown }).status === 'ok'
    )
  } catch {
    return false
  }
}

/** Tries whether a server could listen on an address. */
export const lookAtPort = async (host: string, port: number): Promise<PortFacts> => {
  if (port === 0) return { host, port }
  const refusal = await tryToListen(host, port)
  if (refusal === undefined) return { host, port }
  return { host, port, refusal, ...(refusal === 'EADDRINUSE' ? { isOurs: await isTelpher(host, port) } : {}) }
}
