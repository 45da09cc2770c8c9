import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { TelpherError } from '../model/errors.ts'

/** Which addresses targets may have, asked where a connection is made: a name may mean another one each time it is looked up. */
export interface AddressCheck {
  /** For a host that is an address itself. @throws TelpherError target_address */
  mustAllow(host: string): void
  /** For node:net: looks a name up once; the connection goes to what was checked. It fails with TelpherError target_address. */
  readonly lookup: LookupFunction
}

/** Looks a name up as node:dns does with `all`. */
export type Resolve = (
  name: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void

/**
 * What no API server has (IANA special-purpose registries): this host, link-local with the metadata services of clouds, multicast; and the
 * addresses of such services outside of it (AWS: fd00:ec2::254; Alibaba: 100.100.100.200; Azure: 168.63.129.16).
 */
const never = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', '100.100.100.200/32', '168.63.129.16/32'],
  ...['::/128', '::1/128', 'fe80::/10', 'ff00::/8', 'fd00:ec2::254/128'],
  // The same behind a translator (RFC 6052): 0/8, 127/8 and 169.254/16.
  ...['64:ff9b::/104', '64:ff9b::7f00:0/104', '64:ff9b::a9fe:0/112'],
] as const

/** This host, as a client on it sees it. */
export const loopback: readonly string[] = ['127.0.0.0/8', '::1']

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Whether a text is an address, or a network as ADDRESS/BITS. */
export const isNetwork = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return more.length === 0 && most > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
}

const listOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  return list
}

/**
 * @param networks what targets may have although it is refused otherwise, as addresses and ADDRESS/BITS
 * @param resolve another way to look names up
 */
export const addressCheck = (networks: readonly string[], resolve: Resolve = systemLookup): AddressCheck => {
  const [refused, allowed] = [listOf(never), listOf(networks)]
  const isAllowed = (address: string): boolean => {
    const family = familyOf(address)
    return !refused.check(address, family) || allowed.check(address, family)
  }
  const refusal = (what: string): TelpherError =>
    new TelpherError('target_address', `${what} is an address that no API server has: nothing was sent there`)
  return {
    mustAllow(host) {
      if (isIP(host) !== 0 && !isAllowed(host)) throw refusal(host)
    },
    lookup(name, options, callback) {
      resolve(name, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, '', 0)
        // One of several is enough: which of them is taken is not for the name's owner to say.
        const bad = found.find(({ address }) => !isAllowed(address))
        if (bad !== undefined) return callback(refusal(`${name} (${bad.address})`), '', 0)
        const [first = { address: '', family: 0 }] = found
        if (options.all === true) callback(null, found)
        else callback(null, first.address, first.family)
      })
    },
  }
}

/** Of a person's own machine, where an API server may well be. */
export const ownMachine: AddressCheck = addressCheck(loopback)
