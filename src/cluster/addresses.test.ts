import { expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import { addressCheck, isNetwork, loopback, ownMachine, type Resolve } from './addresses.ts'
import { hostOf } from './connection.ts'

const allows = (host: string, networks: readonly string[] = []): boolean => {
  try {
    addressCheck(networks).mustAllow(hostOf(new URL(`https://${host}`)))
    return true
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'target_address' })
    return false
  }
}

test.each([
  ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.255.255.254', '0', '0.0.0.0'],
  ...['169.254.169.254', '169.254.0.1', '0xa9fea9fe', '100.100.100.200', '168.63.129.16', '224.0.0.1', '255.255.255.255'],
  ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '[fe80::1]', '[ff02::1]', '[fd00:ec2::254]'],
  ...['[64:ff9b::169.254.169.254]', '[64:ff9b::127.0.0.1]'],
])('%s is no address of an API server', (host) => expect(allows(host)).toBe(false))

test.each([
  '10.0.0.1',
  '172.16.3.4',
  '192.168.1.1',
  '10.96.0.1',
  '100.64.0.1',
  '203.0.113.5',
  '[fd12:3456::1]',
  '[2001:db8::1]',
  'a.example',
])('%s may be one', (host) => expect(allows(host)).toBe(true))

test('what is named is allowed, and nothing beside it', () => {
  expect([allows('127.0.0.1', loopback), allows('[::1]', loopback), allows('169.254.169.254', loopback)]).toEqual([true, true, false])
  expect([allows('169.254.7.1', ['169.254.7.0/24']), allows('169.254.8.1', ['169.254.7.0/24'])]).toEqual([true, false])
  expect(() => ownMachine.mustAllow('127.0.0.1')).not.toThrow()
})

test.each(['127.0.0.0/8', '::1', '10.0.0.1', 'fd00::/8', '0.0.0.0/0'])('%s is a network', (text) => expect(isNetwork(text)).toBe(true))
test.each(['', 'localhost', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0/8', '1.2.3.4/-1'])('%s is none', (text) =>
  expect(isNetwork(text)).toBe(false),
)

/** A stub in place of a name server. */
const resolving =
  (...addresses: string[]): Resolve =>
  (_, __, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
const looked = (resolve: Resolve, all: boolean): Promise<unknown> =>
  new Promise((done) => {
    addressCheck([], resolve).lookup('api.example', { all }, (error, address, family) => done(error ?? [address, family]))
  })

test('a name is what was checked; one bad address of several spoils it', async () => {
  expect(await looked(resolving('203.0.113.5', '203.0.113.6'), false)).toEqual(['203.0.113.5', 4])
  expect(await looked(resolving('203.0.113.5'), true)).toEqual([[{ address: '203.0.113.5', family: 4 }], undefined])
  const refused = await looked(resolving('203.0.113.5', '169.254.169.254'), true)
  expect(refused).toBeInstanceOf(TelpherError)
  expect(refused).toMatchObject({ code: 'target_address', message: expect.stringContaining('api.example (169.254.169.254)') })
  const missing = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  expect(await looked((_, __, callback) => callback(missing, []), true)).toBe(missing)
})
