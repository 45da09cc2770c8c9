import { TelpherError } from './errors.ts'

/** One process to connect to. */
export interface RedisNode {
  readonly host: string
  readonly port: number
}

/** Files of TLS, in PEM, and the name that a certificate must bear. */
export interface RedisTls {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
}

/** How many replicas are waited for before an answer is given, where there are any, and how long, in ms. */
export interface RedisWait {
  readonly replicas: number
  readonly ms: number
}

/** How Redis is reached: one server, one behind a socket, the master that Sentinels name, or a cluster. */
export interface RedisAddress {
  readonly kind: 'server' | 'socket' | 'sentinel' | 'cluster'
  /** Of a cluster any of its nodes, of Sentinel the Sentinels; none of a socket. */
  readonly nodes: readonly RedisNode[]
  readonly socket?: string
  /** The name that the Sentinels watch it under. */
  readonly master?: string
  readonly db: number
  readonly user?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly sentinelUser?: string
  readonly sentinelPasswordFile?: string
  readonly tls?: RedisTls
  readonly wait: RedisWait
}

const schemes: Readonly<Record<string, { readonly kind: RedisAddress['kind']; readonly tls: boolean }>> = {
  redis: { kind: 'server', tls: false },
  rediss: { kind: 'server', tls: true },
  unix: { kind: 'socket', tls: false },
  'redis+sentinel': { kind: 'sentinel', tls: false },
  'rediss+sentinel': { kind: 'sentinel', tls: true },
  'redis+cluster': { kind: 'cluster', tls: false },
  'rediss+cluster': { kind: 'cluster', tls: true },
}

const forms = 'redis://HOST:PORT, unix:///PATH, redis+sentinel://HOST,HOST/MASTER or redis+cluster://HOST,HOST; rediss for TLS'

const tlsOptions = { ca_file: 'caFile', cert_file: 'certFile', key_file: 'keyFile', server_name: 'serverName' } as const
const sentinelOptions = { sentinel_user: 'sentinelUser', sentinel_password_file: 'sentinelPasswordFile' } as const
const otherOptions = { user: 'user', password_file: 'passwordFile' } as const
const waitOptions = { wait_replicas: 'replicas', wait_ms: 'ms' } as const
const waitLimits = { replicas: [0, 10], ms: [1, 5000] } as const
const defaultWait: RedisWait = { replicas: 1, ms: 1000 }

/** What is wrong is named by its part and never quoted where it may be a password. */
const refuse = (part: string, what: string): never => {
  throw new TelpherError('invalid_input', `the address of Redis, ${part}: ${what}`, { field: part })
}

const decoded = (part: string, text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse(part, 'a % must be followed by two hex digits; write % itself as %25')
  }
}

const parseNode = (text: string, fallback: number): RedisNode => {
  const [, bracketed, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(.*))?$/.exec(text) ?? []
  const host = bracketed ?? name
  if (host === undefined) return refuse('host', text === '' ? 'one is empty' : 'use a name, an IPv4 address, or an IPv6 address in [ ]')
  const number = port === undefined ? fallback : /^\d{1,5}$/.test(port) ? Number(port) : 0
  return number >= 1 && number <= 65_535 ? { host, port: number } : refuse('port', `that of ${host} must be a number from 1 to 65535`)
}

const parseDb = (text: string): number => (/^\d{1,5}$/.test(text) ? Number(text) : refuse('database', 'use a number, such as /2'))

/** What follows the hosts: the database of a server, the master's name of Sentinel, nothing of a cluster. */
const parsePath = (kind: RedisAddress['kind'], path: string): Pick<RedisAddress, 'db' | 'master' | 'socket'> => {
  const parts = path.split('/').filter((part) => part !== '')
  if (kind === 'socket') return parts.length > 0 ? { socket: decoded('socket', path), db: 0 } : refuse('socket', 'use unix:///PATH')
  if (kind === 'cluster') return parts.length === 0 ? { db: 0 } : refuse('database', 'a cluster has only one: leave it out')
  if (kind === 'server') return parts.length <= 1 ? { db: parseDb(parts[0] ?? '0') } : refuse('database', 'use one number, such as /2')
  const [master, db = '0', ...more] = parts
  if (master === undefined || more.length > 0)
    return refuse('master', 'write the name that the Sentinels watch it under after the hosts, such as /mymaster')
  return { master: decoded('master', master), db: parseDb(db) }
}

const parseLogin = (text: string | undefined): Pick<RedisAddress, 'user' | 'password'> => {
  if (text === undefined) return {}
  const [user = '', ...rest] = text.split(':')
  return {
    ...(user === '' ? {} : { user: decoded('user', user) }),
    ...(rest.length === 0 || rest.join(':') === '' ? {} : { password: decoded('password', rest.join(':')) }),
  }
}

const optionNames = { ...otherOptions, ...tlsOptions, ...sentinelOptions, ...waitOptions }
type OptionName = keyof typeof optionNames

/** Each option once, with a value. */
const splitOptions = (text: string): ReadonlyMap<OptionName, string> => {
  const found = new Map<OptionName, string>()
  for (const pair of text === '' ? [] : text.split('&')) {
    const [name = '', ...rest] = pair.split('=')
    if (!Object.hasOwn(optionNames, name))
      return refuse('options', `there is none of this name; use ${Object.keys(optionNames).join(', ')}`)
    const value = decoded(name, rest.join('='))
    if (value === '') return refuse(name, 'it has no value')
    if (found.has(name as OptionName)) return refuse(name, 'it is said twice')
    found.set(name as OptionName, value)
  }
  return found
}

const pick = (found: ReadonlyMap<string, string>, names: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).flatMap(([name, field]) => (found.has(name) ? [[field, found.get(name) ?? '']] : [])))

const parseWait = (found: ReadonlyMap<string, string>): RedisWait => {
  const given = Object.entries(waitOptions).flatMap(([name, field]) => {
    const text = found.get(name)
    if (text === undefined) return []
    const [low, high] = waitLimits[field]
    const number = /^\d{1,6}$/.test(text) ? Number(text) : -1
    return [[field, number >= low && number <= high ? number : refuse(name, `use a number from ${low} to ${high}`)]]
  })
  return { ...defaultWait, ...Object.fromEntries(given) }
}

const parseOptions = (text: string, kind: RedisAddress['kind'], isTls: boolean): Partial<RedisAddress> & Pick<RedisAddress, 'wait'> => {
  const found = splitOptions(text)
  const tls = pick(found, tlsOptions)
  for (const name of found.keys()) {
    if (!isTls && Object.hasOwn(tlsOptions, name)) return refuse(name, 'only an address that begins with rediss has TLS')
    if (kind !== 'sentinel' && Object.hasOwn(sentinelOptions, name)) return refuse(name, 'only an address of Sentinels has it')
  }
  if (found.has('cert_file') !== found.has('key_file')) return refuse('cert_file', 'a client certificate needs cert_file and key_file')
  return { ...pick(found, { ...otherOptions, ...sentinelOptions }), ...(isTls ? { tls } : {}), wait: parseWait(found) }
}

/**
 * Reads an address of Redis. Options name files and never hold a secret: `user`, `password_file`; with TLS `ca_file`, `cert_file`,
 * `key_file`, `server_name`; of Sentinels `sentinel_user`, `sentinel_password_file`. `wait_replicas` and `wait_ms` say what is waited for
 * before an answer.
 * @throws TelpherError invalid_input that names the part and quotes no password
 */
export const parseRedisAddress = (text: string): RedisAddress => {
  const [, scheme = '', rest = ''] = /^([a-z+]+):\/\/(.*)$/s.exec(text) ?? []
  const form = schemes[scheme]
  if (form === undefined) return refuse('scheme', `use ${forms}`)
  const { kind, tls } = form
  const [, authority = '', path = '', options = ''] = /^([^/?#]*)([^?#]*)(?:\?([^#]*))?$/s.exec(rest) ?? []
  if (rest.includes('#')) return refuse('password', 'write # as %23')
  const at = authority.lastIndexOf('@')
  const hosts = authority.slice(at + 1)
  const login = parseLogin(at < 0 ? undefined : authority.slice(0, at))
  if (kind === 'socket' && hosts !== '') return refuse('host', 'a socket has none: use unix:///PATH')
  const nodes = kind === 'socket' ? [] : hosts.split(',').map((node) => parseNode(node, kind === 'sentinel' ? 26_379 : 6379))
  if (kind === 'server' && nodes.length > 1) return refuse('host', 'there are several: use redis+sentinel:// or redis+cluster://')
  const more = parseOptions(options, kind, tls)
  if (login.user !== undefined && more.user !== undefined) return refuse('user', 'it is said twice')
  if (login.password !== undefined && more.passwordFile !== undefined)
    return refuse('password_file', 'there is a password too: leave one out')
  return { kind, nodes, ...parsePath(kind, path), ...login, ...more }
}

const hostAndPort = ({ host, port }: RedisNode): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Where it is, for people: hosts and ports, without user and password. */
export const placeOf = ({ kind, nodes, socket, master }: RedisAddress): string => {
  if (kind === 'socket') return socket ?? ''
  const all = nodes.map(hostAndPort).join(',')
  return kind === 'sentinel' ? `${master} of ${all}` : all
}

/** What the connections of the store and of the queue are made with; names are those of ioredis (RedisOptions). */
export interface RedisLogin {
  readonly db: number
  readonly username?: string
  readonly password?: string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly servername?: string }
}

export type RedisWay =
  | ({ readonly kind: 'server' } & RedisNode)
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'sentinel'
      readonly sentinels: RedisNode[]
      readonly name: string
      readonly sentinelUsername?: string
      readonly sentinelPassword?: string
    }
  | { readonly kind: 'cluster'; readonly nodes: RedisNode[] }

/**
 * An address with what its files hold.
 * @param read the text of a file
 * @throws TelpherError redis_file that names the option
 */
export const openRedisAddress = (
  address: RedisAddress,
  read: (file: string) => string,
): { readonly way: RedisWay; readonly login: RedisLogin } => {
  const { kind, nodes, socket = '', master = '', db, user, tls } = address
  const textOf = (option: string, file: string): string => {
    try {
      return read(file)
    } catch (cause) {
      const because = cause instanceof Error && 'code' in cause ? String(cause.code) : 'it cannot be read'
      throw new TelpherError('redis_file', `the file ${file} of ${option} in the address of Redis: ${because}`, { cause })
    }
  }
  const optional = <K extends string>(name: K, option: string, file: string | undefined, whole = true): { readonly [k in K]?: string } =>
    (file === undefined ? {} : { [name]: whole ? textOf(option, file) : textOf(option, file).trim() }) as { readonly [k in K]?: string }
  const password = address.password ?? optional('password', 'password_file', address.passwordFile, false).password
  const login: RedisLogin = {
    db,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...optional('ca', 'ca_file', tls.caFile),
            ...optional('cert', 'cert_file', tls.certFile),
            ...optional('key', 'key_file', tls.keyFile),
            ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
          },
        }),
  }
  const [node = { host: '127.0.0.1', port: 6379 }] = nodes
  if (kind === 'server') return { way: { kind, ...node }, login }
  if (kind === 'socket') return { way: { kind, path: socket }, login }
  if (kind === 'cluster') return { way: { kind, nodes: [...nodes] }, login }
  return {
    way: {
      kind,
      sentinels: [...nodes],
      name: master,
      ...(address.sentinelUser === undefined ? {} : { sentinelUsername: address.sentinelUser }),
      ...optional('sentinelPassword', 'sentinel_password_file', address.sentinelPasswordFile, false),
    },
    login,
  }
}
