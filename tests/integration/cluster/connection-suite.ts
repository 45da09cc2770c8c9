import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createPlain } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { connect as directConnect } from '../../../src/cluster/connection.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { TelpherError } from '../../../src/model/errors.ts'
import type { ClusterConnection, ClusterRequest } from '../../../src/model/ports.ts'
import { Secret } from '../../../src/model/secret.ts'
import { type CertificateRequest, createAuthority } from '../../../src/sandbox/kubernetes/pki.ts'
import { eventually } from '../../support/eventually.ts'
import { startProxy } from './proxy.ts'

/** A way to API servers, and what it is made of. */
export interface Way {
  readonly connect: (target: Parameters<typeof directConnect>[0], credential: Credential) => ClusterConnection
  /** A connector that shares sockets. */
  readonly createConnector: () => Way['connect']
  stop(): Promise<void>
}

/** What every way to an API server keeps to. */
export const connectionSuite = (begin: () => Promise<Way>): void => {
  let way: Way
  const connect: Way['connect'] = (target, credential) => way.connect(target, credential)
  const createConnector: Way['createConnector'] = () => way.createConnector()

  const authority = createAuthority('connection-test')
  const other = createAuthority('somebody-else')
  const token = 'the-token-that-nobody-may-see'
  const bearer: Credential = { id: 'cred-1', kind: 'bearer', token: new Secret(token) }

  interface Listening {
    readonly url: string
    readonly port: number
    readonly server: Server
  }

  const opened: { close(): unknown }[] = []
  const listen = async (
    request: Partial<CertificateRequest>,
    answer: (asked: IncomingMessage, response: ServerResponse) => void,
  ): Promise<Listening> => {
    const pair = authority.issue({ commonName: 'api', hosts: ['127.0.0.1', 'localhost'], ...request })
    const server = createServer(
      { cert: pair.certPem, key: pair.keyPem, ca: authority.certPem, requestCert: true, rejectUnauthorized: false },
      answer,
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    opened.push({ close: () => server.closeAllConnections() })
    const { port } = server.address() as AddressInfo
    return { url: `https://127.0.0.1:${port}`, port, server }
  }

  const connections: ClusterConnection[] = []
  const open = (server: string, options: { ca?: string; tlsServerName?: string; credential?: Credential } = {}): ClusterConnection => {
    const connection = connect(
      {
        server,
        ca: options.ca ?? authority.certPem,
        ...(options.tlsServerName === undefined ? {} : { tlsServerName: options.tlsServerName }),
      },
      options.credential ?? bearer,
    )
    connections.push(connection)
    return connection
  }

  const failureOf = async (connection: ClusterConnection, asked: Partial<ClusterRequest> = {}): Promise<TelpherError> => {
    const thrown = await connection.request({ method: 'GET', path: '/version', ...asked }).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(thrown).toMatchObject({ name: 'TelpherError' })
    return thrown as TelpherError
  }

  const bodyOf = async (connection: ClusterConnection, asked: Partial<ClusterRequest> = {}): Promise<string> =>
    text((await connection.request({ method: 'GET', path: '/', ...asked })).body)

  /** A port where nothing listens. */
  const deadPort = async (): Promise<number> => {
    const server = createTcp().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }

  let echo: Listening
  beforeAll(async () => {
    way = await begin()
    echo = await listen({}, (asked, response) => {
      const socket = asked.socket as Socket & { getPeerCertificate(): { subject?: { CN?: string } }; servername?: string }
      response.end(
        JSON.stringify({
          url: asked.url,
          headers: asked.headers,
          peer: socket.getPeerCertificate().subject?.CN,
          sni: socket.servername,
          port: socket.remotePort,
        }),
      )
    })
  })
  afterAll(async () => {
    for (const connection of connections) connection.close()
    for (const part of opened) part.close()
    await way.stop()
  })

  describe('what is sent', () => {
    test('the bearer token replaces any other, below a base path', async () => {
      const said = JSON.parse(
        await bodyOf(open(`${echo.url}/k8s/clusters/c-1/`), { path: '/api?limit=1', headers: { authorization: 'Bearer forged' } }),
      )
      expect(said).toMatchObject({ url: '/k8s/clusters/c-1/api?limit=1', headers: { authorization: `Bearer ${token}` } })
    })

    test('a client certificate, and then no token', async () => {
      const pair = authority.issue({ commonName: 'deployer' })
      const credential: Credential = { id: 'cred-2', kind: 'client-certificate', certificate: pair.certPem, key: new Secret(pair.keyPem) }
      const said = JSON.parse(await bodyOf(open(echo.url, { credential })))
      expect(said.peer).toBe('deployer')
      expect(said.headers.authorization).toBeUndefined()
    })

    test('many requests go over few connections, one after the other over one', async () => {
      const connection = open(echo.url)
      const ports = new Set<number>()
      for (let n = 0; n < 20; n++) ports.add(JSON.parse(await bodyOf(connection)).port)
      expect(ports.size).toBe(1)
    })

    test('a Host header of the caller changes neither the server name nor its check', async () => {
      const said = JSON.parse(await bodyOf(open(`https://localhost:${echo.port}`), { headers: { host: '127.0.0.1:6443' } }))
      expect(said.sni).toBe('localhost')
    })
  })

  describe('trust', () => {
    test('any authority of a bundle will do', async () => {
      expect(await bodyOf(open(echo.url, { ca: `${other.certPem}${authority.certPem}` }))).toContain('headers')
    })

    test('another authority is refused', async () => {
      const error = await failureOf(open(echo.url, { ca: other.certPem }))
      expect(error.code).toBe('target_tls')
      expect(error.message).toContain(`127.0.0.1:${echo.port}`)
    })

    test('without a bundle the roots of the system count', async () => {
      expect((await failureOf(open(echo.url, { ca: '' }))).code).toBe('target_tls')
    })

    test('the server name can be given, and is checked', async () => {
      const named = await listen({ hosts: ['api.internal'] }, (_, response) => response.end('here'))
      expect(await bodyOf(open(named.url, { tlsServerName: 'api.internal' }))).toBe('here')
      expect((await failureOf(open(named.url))).code).toBe('target_tls')
    })

    test('an expired certificate is said as such', async () => {
      const old = await listen({ notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) }, (_, response) =>
        response.end(),
      )
      const error = await failureOf(open(old.url))
      expect(error.code).toBe('target_certificate_expired')
    })

    test('a server without TLS is no server of ours', async () => {
      const plain = createPlain((_, response) => response.end()).listen(0, '127.0.0.1')
      opened.push(plain)
      await once(plain, 'listening')
      expect((await failureOf(open(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`))).code).toBe('target_tls')
    })

    test('a redirect is an answer, not a way to go', async () => {
      let asked = 0
      const server = await listen({}, (_, response) => {
        asked++
        response.writeHead(302, { location: `${echo.url}/stolen` }).end()
      })
      expect((await open(server.url).request({ method: 'GET', path: '/' })).status).toBe(302)
      expect(asked).toBe(1)
    })
  })

  describe('failures', () => {
    test('nothing listens: provably never sent', async () => {
      const port = await deadPort()
      const error = await failureOf(open(`https://127.0.0.1:${port}`), { method: 'POST', body: '{}' })
      expect(error.code).toBe('target_unreachable')
      expect(error.message).toContain(`127.0.0.1:${port}`)
    })

    test('a name that does not exist', async () => {
      const error = await failureOf(open('https://api.cluster.invalid:6443'))
      expect(error.code).toBe('target_dns')
      expect(error.message).toContain('api.cluster.invalid:6443')
    })

    test('a connection that ends before TLS stands: never sent', async () => {
      const rude = createTcp((socket) => socket.once('data', () => socket.resetAndDestroy())).listen(0, '127.0.0.1')
      opened.push(rude)
      await once(rude, 'listening')
      expect((await failureOf(open(`https://127.0.0.1:${(rude.address() as AddressInfo).port}`))).code).toBe('target_unreachable')
    })

    test('a connection that breaks under a request: not known whether it had an effect', async () => {
      const server = await listen({}, (asked) => asked.socket.destroy())
      const error = await failureOf(open(server.url), { method: 'POST', body: '{}' })
      expect(error.code).toBe('target_error')
      expect(error.message).not.toContain(token)
    })

    test('the error of a connection that stood never says that nothing was sent, whatever its system code', async () => {
      const { connectionError } = await import('../../../src/cluster/connection-error.ts')
      const base = new URL('https://127.0.0.1:6443')
      for (const code of ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET', 'EPIPE'])
        expect(connectionError(Object.assign(new Error('x'), { code }), base, { sent: true }).code).toBe('target_error')
    })

    test('an answer that does not come in time', async () => {
      const server = await listen({}, () => {})
      const error = await failureOf(open(server.url), { timeoutMs: 50 })
      expect(error.code).toBe('target_timeout')
    })

    test('an aborted request ends at once', async () => {
      let came = false
      const server = await listen({}, () => {
        came = true
      })
      const abort = new AbortController()
      const failing = failureOf(open(server.url), { signal: abort.signal })
      await eventually(() => came)
      abort.abort()
      await failing
    })

    test('a read that meets a kept connection which was just closed is sent again', async () => {
      const proxy = await startProxy(echo.port)
      const connection = open(`https://127.0.0.1:${proxy.port}`)
      await bodyOf(connection)
      // Both in one turn: the reset is not seen yet when the request is sent.
      proxy.cut()
      expect(await bodyOf(connection)).toContain('headers')
      await proxy.stop()
    })

    test('one connection that fell silent takes the idle ones with it', async () => {
      const proxy = await startProxy(echo.port)
      const connection = open(`https://127.0.0.1:${proxy.port}`)
      await Promise.all([bodyOf(connection), bodyOf(connection), bodyOf(connection)])
      proxy.freeze()
      expect((await failureOf(connection, { timeoutMs: 100 })).code).toBe('target_timeout')
      expect(await bodyOf(connection, { timeoutMs: 5000 })).toContain('headers')
      await proxy.stop()
    })
  })

  describe('upgrades', () => {
    test('a switched protocol gives the socket and what had already come', async () => {
      const server = await listen({}, (_, response) => response.writeHead(403).end('no'))
      server.server.on('upgrade', (asked: IncomingMessage, socket: Socket) => {
        if (asked.url === '/refused') {
          socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
          return
        }
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly')
        socket.on('data', (chunk: Buffer) => socket.write(chunk))
      })
      const connection = open(server.url)
      const headers = { connection: 'Upgrade', upgrade: 'x' }
      const { socket, head, status } = await connection.upgrade({ method: 'GET', path: '/', headers })
      expect(status).toBe(101)
      let came = Buffer.from(head ?? []).toString()
      socket?.on('data', (chunk: Buffer) => {
        came += chunk.toString()
      })
      socket?.write(' echo')
      await eventually(() => came === 'early echo')
      socket?.destroy()
      const refused = await connection.upgrade({ method: 'GET', path: '/refused', headers })
      expect(refused.status).toBe(403)
      expect(refused.socket).toBeUndefined()
      expect(await text(refused.body)).toBe('no')
    })
  })

  describe('connections that share their sockets', () => {
    const asked = async (connection: ClusterConnection): Promise<{ port: number; peer?: string; headers: { authorization?: string } }> =>
      JSON.parse(await bodyOf(connection)) as { port: number; peer?: string; headers: { authorization?: string } }
    const tokenOf = (name: string): Credential => ({ id: name, kind: 'bearer', token: new Secret(name) })

    test('each token goes with its own requests, over one socket, also after one of them was closed', async () => {
      const connector = createConnector()
      const trust = { server: echo.url, ca: authority.certPem }
      const [first, second] = [connector(trust, tokenOf('first')), connector(trust, tokenOf('second'))]
      const answers = [await asked(first), await asked(second)]
      first.close()
      answers.push(await asked(second), await asked(connector(trust, tokenOf('third'))))
      expect(answers.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer first',
        'Bearer second',
        'Bearer second',
        'Bearer third',
      ])
      expect(new Set(answers.map(({ port }) => port)).size).toBe(1)
    })

    test('another trust, another address and a client certificate have sockets of their own', async () => {
      const connector = createConnector()
      const pair = authority.issue({ commonName: 'deployer' })
      const certificate: Credential = { id: 'c', kind: 'client-certificate', certificate: pair.certPem, key: new Secret(pair.keyPem) }
      const known = connector({ server: echo.url, ca: authority.certPem }, tokenOf('first'))
      const own = connector({ server: echo.url, ca: authority.certPem }, certificate)
      const two = connector({ server: echo.url, ca: `${authority.certPem}${other.certPem}` }, tokenOf('first'))
      connections.push(own)
      const answers = [await asked(known), await asked(own), await asked(two)]
      expect(answers.map(({ peer }) => peer)).toEqual([undefined, 'deployer', undefined])
      expect(new Set(answers.map(({ port }) => port)).size).toBe(3)
      expect(await failureOf(connector({ server: echo.url, ca: other.certPem }, tokenOf('first')))).toMatchObject({ code: 'target_tls' })
    })
  })
}
