import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect, createServer as createTcp } from 'node:net'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'

const authority = createAuthority('pipe-test')

/** An API server of a test's own making: what a real one does not do on demand. */
export interface MadeServer {
  readonly url: string
  readonly ca: string
  readonly port: number
  readonly server: Server
  stop(): Promise<void>
}

/** @param host address that it listens on */
export const startMadeServer = async (
  answer: (asked: IncomingMessage, response: ServerResponse) => void,
  host = '127.0.0.1',
): Promise<MadeServer> => {
  const pair = authority.issue({ commonName: 'api', hosts: [host] })
  const server = createServer({ cert: pair.certPem, key: pair.keyPem }, answer).listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: authority.certPem,
    port,
    server,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A TCP proxy that keeps what goes through it. */
export interface Recorder {
  readonly port: number
  /** Of one connection each. */
  readonly toServer: readonly Buffer[][]
  readonly fromServer: readonly Buffer[][]
  stop(): Promise<void>
}

/** @param port of the server on 127.0.0.1 */
export const startRecorder = async (port: number): Promise<Recorder> => {
  const toServer: Buffer[][] = []
  const fromServer: Buffer[][] = []
  const sockets = new Set<{ destroy(): unknown }>()
  const server = createTcp((client) => {
    const upstream = connect(port, '127.0.0.1')
    const [to, from]: [Buffer[], Buffer[]] = [[], []]
    toServer.push(to)
    fromServer.push(from)
    sockets.add(client).add(upstream)
    client.on('data', (chunk: Buffer) => void to.push(chunk)).on('error', () => upstream.destroy())
    upstream.on('data', (chunk: Buffer) => void from.push(chunk)).on('error', () => client.destroy())
    client.pipe(upstream).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    toServer,
    fromServer,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
