import { type Finding, fail, ok } from './finding.ts'

/** What a try to listen came to. */
export interface PortFacts {
  readonly host: string
  readonly port: number
  /** The error code of the system, such as EADDRINUSE; absent when it could be listened on. */
  readonly refusal?: string
  /** Whether who listens there says that it is a Telpher server. */
  readonly isOurs?: boolean
}

/** Check of the address that a server would listen on. */
export const judgePort = ({ host, port, refusal, isOurs }: PortFacts): Finding => {
  const address = `${host}:${port}`
  if (port === 0) return ok('port', 'a free one is taken')
  if (refusal === undefined) return ok('port', `${address} is free`)
  if (isOurs === true) return ok('port', `a Telpher server listens on ${address}`)
  if (refusal === 'EADDRINUSE')
    return fail(
      'port',
      `another program listens on ${address}`,
      `ss -ltnp "sport = :${port}"   (see which, or choose another: TELPHER_PORT=${port + 1})`,
    )
  if (refusal === 'EACCES')
    return fail('port', `this user may not listen on ${address}`, "TELPHER_PORT=7373 telpher server start   (ports below 1024 are root's)")
  return fail('port', `${address} cannot be listened on (${refusal})`, 'TELPHER_HOST=127.0.0.1 telpher server start')
}
