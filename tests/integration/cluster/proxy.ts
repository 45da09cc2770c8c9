import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that can stop forwarding without a word, as a firewall does that forgot a connection. */
export interface TcpProxy {
  readonly port: number
  /** Connections that are open now neither send nor receive any more, and nobody is told. New ones work, unless `all`. */
  freeze(options?: { readonly all: boolean }): void
  /** Ends the frozen state for new connections. */
  thaw(): void
  /** Resets what is open. */
  cut(): void
  /** Connections accepted so far. */
  accepted(): number
  stop(): Promise<void>
}

/** @param port of the real server on 127.0.0.1 @param host address that the proxy listens on */
export const startProxy = async (port: number, host = '127.0.0.1'): Promise<TcpProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>()
  const clients = new Set<Socket>()
  let frozen = false
  let accepted = 0
  const server = createServer((client) => {
    accepted++
    clients.add(client)
    client.on('error', () => {}).once('close', () => clients.delete(client))
    if (frozen) return
    const upstream = connect(port, '127.0.0.1')
    const pair = [client, upstream] as const
    pairs.add(pair)
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    freeze({ all } = { all: false }) {
      frozen = all
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream)
        upstream.unpipe(client)
        client.pause()
        upstream.pause()
      }
    },
    thaw() {
      frozen = false
    },
    cut() {
      for (const client of clients) client.resetAndDestroy()
      for (const [, upstream] of pairs) upstream.destroy()
      pairs.clear()
    },
    accepted: () => accepted,
    async stop() {
      for (const client of clients) client.destroy()
      for (const [, upstream] of pairs) upstream.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
