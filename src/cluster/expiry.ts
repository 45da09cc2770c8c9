import { X509Certificate } from 'node:crypto'
import type { CheckLine } from '../model/check.ts'

/** Something with a last day. */
export interface Expiring {
  /** What it is, for people. */
  readonly what: string
  /** ms since the epoch. */
  readonly expiresAt: number
  /** Since when it lives, where that is known. */
  readonly from?: number | undefined
  /** What to do before. */
  readonly fix: string
  /** Whether nothing works when it has expired; else it is a thing to tidy away. */
  readonly vital: boolean
}

const dayMs = 86_400_000
/** Days before its end at which something is said to end, ever more urgently. */
const alarmDays = [1, 7, 30] as const
/** What lives for days only is renewed by whoever made it so: it is told of when a third of its life or less is left. */
const partOfLife = 3

const inDays = (ms: number): string =>
  ms < 2 * dayMs ? `${Math.max(0, Math.floor(ms / 3_600_000))} hours` : `${Math.floor(ms / dayMs)} days`

/** The alarm that something has reached, in days; undefined when there is none. */
export const alarmOf = ({ expiresAt, from }: Pick<Expiring, 'expiresAt' | 'from'>, now: number): number | undefined => {
  const left = expiresAt - now
  if (left <= 0) return 0
  return alarmDays.find((days) => left <= days * dayMs && (from === undefined || days * dayMs * partOfLife <= expiresAt - from))
}

/** A line for each thing that ends soon; one line that says what ends first when none does. */
export const expiryLines = (things: readonly Expiring[], now: number): readonly CheckLine[] => {
  const lines = things.flatMap(({ what, vital, fix, ...thing }): CheckLine[] => {
    const alarm = alarmOf(thing, now)
    if (alarm === undefined) return []
    const date = new Date(thing.expiresAt).toISOString()
    const isOver = alarm === 0
    const message = isOver
      ? `expired at ${date}`
      : `expires in ${inDays(thing.expiresAt - now)}, at ${date} (alarm at ${alarm} ${alarm === 1 ? 'day' : 'days'})`
    return [{ rung: 'expiry', subject: what, status: isOver && vital ? 'failed' : 'warn', ms: 0, message, fix }]
  })
  if (lines.length > 0) return lines
  const [first] = things.toSorted((a, b) => a.expiresAt - b.expiresAt)
  const message =
    first === undefined ? 'nothing that is known to expire' : `${first.what} is first, at ${new Date(first.expiresAt).toISOString()}`
  return [{ rung: 'expiry', subject: '', status: 'ok', ms: 0, message }]
}

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const named = (certificate: X509Certificate): string =>
  certificate.subject.replaceAll('\n', ', ') || certificate.fingerprint256.slice(0, 23)

/** The authorities of a bundle: one that has expired does no harm beside one that has not. */
export const authoritiesIn = (ca: string): readonly Expiring[] => {
  const all = (ca.match(certificates) ?? []).map((pem) => new X509Certificate(pem))
  const isLast = (at: number): boolean => all.every((one, index) => index === at || Date.parse(one.validTo) < Date.now())
  return all.map((certificate, at) => ({
    what: `authority ${named(certificate)}`,
    expiresAt: Date.parse(certificate.validTo),
    from: Date.parse(certificate.validFrom),
    vital: isLast(at),
    fix: 'Give the authorities anew, the next one beside this one while both are in use: telpher target edit NAME --ca FILE',
  }))
}

/** The certificate that a server showed. */
export const serverCertificate = (certificate: X509Certificate, host: string): Expiring => ({
  what: `server certificate of ${host}`,
  expiresAt: Date.parse(certificate.validTo),
  from: Date.parse(certificate.validFrom),
  vital: true,
  fix: 'Renew the certificate of the API server.',
})
