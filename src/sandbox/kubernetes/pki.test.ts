import { createPrivateKey, X509Certificate } from 'node:crypto'
import { connect, createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { createAuthority } from './pki.ts'

test('a certificate names its subject and hosts and is signed by its authority', () => {
  const authority = createAuthority('test-ca')
  const { certPem, keyPem } = authority.issue({
    commonName: 'jane',
    organizations: ['a', 'b'],
    hosts: ['localhost', '127.0.0.1', '::1', '2001:db8::ff00:42'],
  })
  const parsed = new X509Certificate(certPem)
  const issuer = new X509Certificate(authority.certPem)
  expect(parsed.subject.split('\n').sort()).toEqual(['CN=jane', 'O=a', 'O=b'])
  expect(parsed.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:FF00:42')
  expect(parsed.checkIssued(issuer) && parsed.verify(issuer.publicKey)).toBe(true)
  expect(parsed.checkPrivateKey(createPrivateKey(keyPem))).toBe(true)
  expect([issuer.ca, parsed.ca]).toEqual([true, false])
})

test('a certificate can have expired, or last beyond 2049', () => {
  const authority = createAuthority('test-ca')
  const past = new Date('2020-01-01T00:00:00Z')
  const future = new Date('2060-06-01T00:00:00Z')
  expect(new X509Certificate(authority.issue({ commonName: 'x', notAfter: past }).certPem).validToDate).toEqual(past)
  expect(new X509Certificate(authority.issue({ commonName: 'x', notAfter: future }).certPem).validToDate).toEqual(future)
})

test('TLS with client certificates works on both sides', async () => {
  const authority = createAuthority('test-ca')
  const { certPem: cert, keyPem: key } = authority.issue({ commonName: 'server', hosts: ['127.0.0.1'] })
  const client = authority.issue({ commonName: 'client' })
  const server = createServer({ cert, key, ca: authority.certPem, requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.end(String(socket.getPeerCertificate().subject.CN))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', ca: authority.certPem, cert: client.certPem, key: client.keyPem })
  let said = ''
  for await (const part of socket) said += String(part)
  server.close()
  expect(said).toBe('client')
})
