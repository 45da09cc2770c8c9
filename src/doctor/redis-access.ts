import type { RedisFacts } from '../model/doctor.ts'
import { type Finding, fail, ok, skip, warn } from './finding.ts'

/**
 * The first release of each line without the holes in Lua that were found in 2025 (CVE-2025-49844, CVE-2025-46817, CVE-2025-46818):
 * github.com/redis/redis/releases, github.com/valkey-io/valkey/releases.
 */
const patched: Readonly<Record<'redis' | 'valkey', Readonly<Record<string, number>>>> = {
  redis: { '6.2': 20, '7.2': 11, '7.4': 6, '8.0': 4, '8.2': 2 },
  valkey: { '7.2': 11, '8.0': 6, '8.1': 4 },
}
const newest = { redis: [8, 2], valkey: [8, 1] } as const

/** Whether a release has the mends: `distribution` where only those who package it have them. */
export const isPatched = (kind: 'redis' | 'valkey', version: string): 'yes' | 'no' | 'distribution' => {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const since = patched[kind][`${major}.${minor}`]
  if (since !== undefined) return patch >= since ? 'yes' : 'no'
  const [top, below] = newest[kind]
  return major > top || (major === top && minor > below) ? 'yes' : 'distribution'
}

export const judgePatched = ({ version, valkey, reach }: RedisFacts): Finding => {
  if (version === undefined) return warn('redis-patched', 'it does not tell its version', 'See that its maker still mends it.')
  const [kind, own] = valkey === undefined ? (['redis', version] as const) : (['valkey', valkey] as const)
  const seen = `${kind === 'redis' ? 'Redis' : 'Valkey'} ${own}`
  const is = isPatched(kind, own)
  if (is === 'yes') return ok('redis-patched', seen)
  if (is === 'no') return fail('redis-patched', `${seen} has known holes in its Lua`, 'Install the newest release of its line.')
  const text = `${seen}: only distributions mend this line`
  return reach === 'network'
    ? warn(
        'redis-patched',
        text,
        'apt-get install --only-upgrade redis-server   (Debian: 7.0.15-1~deb12u10 or newer), or use a newer line.',
      )
    : ok('redis-patched', text)
}

const worldBits = 0o006

export const judgeAccess = ({ reach, open, socketMode }: RedisFacts): Finding => {
  if (reach === 'socket') {
    if (socketMode === undefined)
      return warn('redis-access', 'the mode of its socket cannot be read', 'See that only its users may open it.')
    return (socketMode & worldBits) === 0
      ? ok('redis-access', `socket of mode ${(socketMode & 0o777).toString(8)}`)
      : fail('redis-access', 'everybody on this machine may open its socket', 'Put unixsocketperm 660 into redis.conf, and restart it.')
  }
  if (open === undefined) return skip('redis-access', 'it could not be tried without a password')
  if (!open) return ok('redis-access', 'lets nobody in without a password')
  return reach === 'network'
    ? fail(
        'redis-access',
        'whoever reaches it over the network is let in without a password',
        'telpher redis-acl --passwords ./redis-users   (put the lines into its aclfile, and switch the default user off)',
      )
    : ok('redis-access', 'lets everybody of this machine in, and nobody else')
}

export const judgeTls = ({ reach, tls }: RedisFacts): Finding => {
  if (tls) return ok('redis-tls', 'TLS, its certificate checked')
  return reach === 'network'
    ? fail(
        'redis-tls',
        'what goes over the network can be read and changed',
        'Give Redis a tls-port, and name it with rediss:// (docs/reference/redis.md)',
      )
    : ok('redis-tls', 'no network in between')
}
