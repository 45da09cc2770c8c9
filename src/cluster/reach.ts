import { X509Certificate } from 'node:crypto'
import { connect as connectTcp, isIP } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { CheckLine, CheckRung } from '../model/check.ts'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import { addressesOf, type Target } from '../model/target.ts'
import type { AddressCheck } from './addresses.ts'
import { hostOf, portOf, trustOf } from './connection.ts'
import { connectionError } from './connection-error.ts'
import { type Expiring, serverCertificate } from './expiry.ts'

/** How long one rung may take, in ms. */
export const timeoutMs = 10_000

/** What a rung found. */
export interface Found {
  readonly message: string
  readonly status?: 'ok' | 'warn'
  readonly fix?: string
}

/** Runs one rung and says how long it took. */
export const climb = async (rung: CheckRung, subject: string, work: () => Promise<Found>): Promise<CheckLine> => {
  const started = performance.now()
  const ms = (): number => Math.round(performance.now() - started)
  try {
    const { message, status = 'ok', fix } = await work()
    return { rung, subject, status, ms: ms(), message, ...(fix === undefined ? {} : { fix }) }
  } catch (thrown) {
    const error = toTelpherError(thrown)
    return { rung, subject, status: 'failed', ms: ms(), message: error.message, code: error.code, fix: error.hint }
  }
}

const socketOf = <T extends NodeJS.EventEmitter & { destroy(): unknown }>(base: URL, socket: T, event: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new TelpherError('target_unreachable', `${base.host} did not answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    socket.once(event, () => {
      clearTimeout(timer)
      resolve(socket)
    })
    socket.once('error', (error: Error) => {
      clearTimeout(timer)
      reject(connectionError(error, base, { sent: false }))
    })
  })

const resolveName = async (base: URL, { mustAllow, lookup }: AddressCheck): Promise<Found> => {
  mustAllow(hostOf(base))
  if (isIP(hostOf(base)) !== 0) return { message: 'an address, nothing to resolve' }
  const message = await new Promise<string>((resolve, reject) => {
    lookup(hostOf(base), {}, (error, address) => {
      if (error === null) resolve(String(address))
      else reject(connectionError(error, base, { sent: false }))
    })
  })
  return { message }
}

const openTcp = async (base: URL, { lookup }: AddressCheck): Promise<Found> => {
  const socket = await socketOf(base, connectTcp({ port: portOf(base), host: hostOf(base), lookup }), 'connect')
  socket.destroy()
  return { message: 'connected' }
}

/** @param onCertificate told of the one that the server shows */
const shakeHands = async (
  base: URL,
  target: Target,
  { lookup }: AddressCheck,
  onCertificate: (certificate: X509Certificate) => void,
): Promise<Found> => {
  const options = { ...trustOf({ ...target, server: base.href }), host: hostOf(base), port: portOf(base), lookup }
  const socket = await socketOf<TLSSocket>(base, connectTls(options), 'secureConnect')
  const certificate = new X509Certificate(socket.getPeerCertificate(true).raw)
  socket.destroy()
  onCertificate(certificate)
  return { message: `${certificate.subject.replaceAll('\n', ', ')}, valid until ${certificate.validTo}` }
}

export const skipped = (rung: CheckRung, subject = ''): CheckLine => ({
  rung,
  subject,
  status: 'skipped',
  ms: 0,
  message: 'not tried: a rung before it failed',
})

/**
 * Climbs to the handshake at each address of a target. One that cannot be reached is a warning where another one can: requests go there.
 * @returns the lines, and the certificates that were shown
 */
export const reach = async (
  target: Target,
  addresses: AddressCheck,
): Promise<{ readonly lines: readonly CheckLine[]; readonly shown: readonly Expiring[] }> => {
  const shown: Expiring[] = []
  const each = await Promise.all(
    addressesOf(target).map(async (server) => {
      const base = new URL(server)
      const steps: readonly (readonly [CheckRung, () => Promise<Found>])[] = [
        ['dns', () => resolveName(base, addresses)],
        ['tcp', () => openTcp(base, addresses)],
        ['tls', () => shakeHands(base, target, addresses, (certificate) => shown.push(serverCertificate(certificate, base.host)))],
      ]
      const lines: CheckLine[] = []
      for (const [rung, work] of steps)
        lines.push(lines.some(({ status }) => status === 'failed') ? skipped(rung, base.host) : await climb(rung, base.host, work))
      return lines
    }),
  )
  const isReached = each.some((lines) => lines.every(({ status }) => status === 'ok'))
  const lines = each.flat()
  if (!isReached) return { lines, shown }
  return { lines: lines.map((line) => (line.status === 'failed' && line.rung !== 'tls' ? { ...line, status: 'warn' } : line)), shown }
}
