import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aclUser } from './acl.ts'

const keysOf = (rules: readonly string[]): string[] => rules.filter((rule) => /^[~%]/.test(rule))

test('a worker is one of its pool: it has that queue and no other', () => {
  const { user, rules } = aclUser('worker', { pool: 'eu' })
  expect(user).toBe('telpher-worker-eu')
  expect(keysOf(rules).filter((key) => key.includes('pipe'))).toEqual(['~tel:{pipe:eu}:to:*'])
  expect(keysOf(rules).filter((key) => key.includes('tel-pool'))).toEqual(['~{tel-pool-eu}:*'])
})

test.each(['server', 'worker', 'producer'] as const)(
  '%s: no channel, no command that was not named, and none that could take Redis over',
  (role) => {
    const { rules } = aclUser(role)
    expect(rules.indexOf('-@all')).toBeLessThan(rules.findIndex((rule) => rule.startsWith('+')))
    expect(rules).toContain('resetchannels')
    expect(rules.filter((rule) => /^[~&]\*$|allkeys|allchannels|allcommands|nopass/.test(rule))).toEqual([])
    for (const command of [
      'config',
      'keys',
      'script',
      'flushall',
      'flushdb',
      'restore',
      'migrate',
      'replicaof',
      'debug',
      'module',
      'acl',
      'client',
      'shutdown',
    ])
      expect(rules).not.toContain(`+${command}`)
  },
)

test('what a worker only reads it may not write, where Redis tells them apart', () => {
  const { rules } = aclUser('worker')
  for (const key of ['tel:{targets}:records', 'tel:{schema}:version']) {
    expect(rules).toContain(`%R~${key}`)
    expect(rules).not.toContain(`~${key}`)
  }
  expect(aclUser('worker', { version: '6.2' }).rules.filter((rule) => rule.startsWith('%'))).toEqual([])
  expect(aclUser('worker', { version: '7.2' }).rules).toContain('+client|setinfo')
  expect((['6.2', '7.0', '7.2'] as const).map((version) => aclUser('server', { version }).rules.includes('+waitaof'))).toEqual([
    false,
    false,
    true,
  ])
})

test('a server may read settings of Redis only where that says nothing of its files otherwise', () => {
  expect(aclUser('server', { version: '7.2' }).rules.filter((rule) => /config|aof/.test(rule))).toEqual(['+bgrewriteaof', '+waitaof'])
  for (const version of ['6.2', '7.0'] as const)
    expect(aclUser('server', { version }).rules.filter((rule) => /config|aof/.test(rule))).toEqual(['+bgrewriteaof', '+config|get'])
  for (const role of ['worker', 'producer'] as const) expect(aclUser(role).rules.filter((rule) => /config|aof/.test(rule))).toEqual([])
})

test('a server may run every command of every script', () => {
  const { rules } = aclUser('server')
  const scripts = globSync(join(import.meta.dirname, 'scripts', '*.lua')).map((file) => readFileSync(file, 'utf8'))
  const used = new Set(
    scripts.flatMap((text) => [...text.matchAll(/redis\.call\('([A-Z]+)'/g)].map(([, name]) => `+${name?.toLowerCase()}`)),
  )
  expect(scripts.length).toBeGreaterThan(30)
  expect([...used].filter((rule) => !rules.includes(rule))).toEqual([])
})
