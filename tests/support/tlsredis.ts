import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'
import { freePort } from '../../src/sandbox/ports.ts'
import { type Redis, startRedis } from '../../src/sandbox/redis.ts'

/** A Redis that takes nobody over the network without TLS and a client certificate; tests ask it over the port beside. */
export interface TlsRedis {
  readonly redis: Redis
  readonly socket: string
  /** What an address says for it, besides user and password. */
  readonly options: Readonly<Record<string, string>>
  /** The address with TLS and these options. */
  address(options: Readonly<Record<string, string>>, host?: string): string
}

/** @param dir for its data and for the certificates, `other.pem` of an authority that it does not know among them */
export const startTlsRedis = async (dir: string): Promise<TlsRedis> => {
  const at = (file: string): string => join(dir, file)
  const authority = createAuthority('redis')
  const server = authority.issue({ commonName: 'redis', hosts: ['redis.example'] })
  const client = authority.issue({ commonName: 'telpher' })
  const files = {
    'ca.pem': authority.certPem,
    'other.pem': createAuthority('another').certPem,
    'server.pem': server.certPem,
    'server.key': server.keyPem,
    'client.pem': client.certPem,
    'client.key': client.keyPem,
  }
  for (const [file, text] of Object.entries(files)) await writeFile(at(file), text, { mode: 0o400 })
  const port = await freePort()
  const socket = at('redis.sock')
  const config = {
    'tls-port': String(port),
    'tls-cert-file': at('server.pem'),
    'tls-key-file': at('server.key'),
    'tls-ca-cert-file': at('ca.pem'),
    'tls-auth-clients': 'yes',
    unixsocket: socket,
    unixsocketperm: '600',
  }
  return {
    redis: await startRedis({ dir: at('data'), temporary: true, config }),
    socket,
    options: { ca_file: at('ca.pem'), cert_file: at('client.pem'), key_file: at('client.key'), server_name: 'redis.example' },
    address: (options, host = '127.0.0.1') => `rediss://${host}:${port}?${new URLSearchParams(options)}`,
  }
}
