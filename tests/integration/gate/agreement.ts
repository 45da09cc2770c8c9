import { parseRequest } from '../../../src/gate/path.ts'
import type { OracleAnswer } from '../../soak/requestinfo/oracle.ts'
import type { Asked } from './requests.ts'

/** Where the gate and the API server see different things in a request; undefined when they agree or the gate refuses it. */
export const disagreement = (asked: Asked, oracle: OracleAnswer): string | undefined => {
  const ours = parseRequest(asked.m, asked.u)
  if (!ours.ok) return undefined
  const { info } = ours
  const said = [
    info.isResource,
    info.verb,
    info.prefix,
    info.group,
    info.version,
    info.namespace,
    info.resource,
    info.subresource,
    info.name,
  ]
  const { i = false, v = '', p = '', g = '', ver = '', ns = '', r = '', s = '', n = '' } = oracle
  const theirs = [i, v, p, g, ver, ns, r, s, n]
  if (oracle.e === undefined && said.every((value, at) => value === theirs[at])) return undefined
  return `${asked.m} ${asked.u}: ours ${JSON.stringify(said)}, the API server's ${JSON.stringify(oracle.e ?? theirs)}`
}
