import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { seededRandom } from '../../tests/support/random.ts'
import { type Chain, type ChainLink, type ChainMark, type ChainSigner, chainHash, markOf, verifyChain } from '../model/auditchain.ts'
import { createAuditSigner } from './auditkey.ts'

const keyOf = (kid: string) => ({ kid, key: randomBytes(32) })
const signer = createAuditSigner(keyOf('k1'))

/** A chain of so many records, with a checkpoint after every seventh. */
const chainOf = (count: number, by: ChainSigner = signer): { links: ChainLink[]; checkpoints: ChainMark[]; head: ChainMark } => {
  const links: ChainLink[] = []
  for (let n = 1; n <= count; n++) {
    const record = { n, id: `${1000 + Math.floor(n / 3)}-${n % 3}`, text: JSON.stringify({ type: 'secret', name: `s${n}` }) }
    links.push({ ...record, hash: chainHash(links.at(-1)?.hash ?? '', record) })
  }
  const checkpoints = links.filter(({ n }) => n % 7 === 0).map((link) => markOf('place', link, by))
  return { links, checkpoints, head: markOf('place', links.at(-1) ?? { n: 0, id: '', hash: '' }, by) }
}
const verify = ({ links, ...rest }: Omit<Chain, 'links'> & { links: readonly ChainLink[] }) =>
  verifyChain({ links: [links], ...rest }, signer)

test('a chain that nobody touched is whole, from any place on that the retention left', async () => {
  const chain = chainOf(100)
  expect(await verify(chain)).toEqual({ ok: true, records: 100, first: 1, last: 100, signatures: 15, unknownKeys: 0, problems: [] })
  const base = markOf('base', chain.links[34]!, signer)
  for (const links of [chain.links, chain.links.slice(35)]) {
    const checkpoints = chain.checkpoints.filter(({ n }) => n > 35)
    expect(await verify({ ...chain, links, checkpoints, base })).toMatchObject({ ok: true, records: 65, first: 36 })
  }
  expect(await verifyChain({ links: [], checkpoints: [] }, signer)).toMatchObject({ ok: true, records: 0 })
})

/** Everything that one can do to one record without the key. */
const tricks: Readonly<Record<string, (links: ChainLink[], at: number, random: () => number) => ChainLink[]>> = {
  'its text edited': (links, at) => links.with(at, { ...links[at]!, text: links[at]!.text.replace('secret', 'freeze') }),
  'its time edited': (links, at) => links.with(at, { ...links[at]!, id: `${links[at]!.id}1` }),
  'its hash edited': (links, at) =>
    links.with(at, { ...links[at]!, hash: chainHash('', links[at]!).replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A')) }),
  'its number edited': (links, at) => links.with(at, { ...links[at]!, n: links[at]!.n + 1 }),
  removed: (links, at) => links.toSpliced(at, 1),
  'removed, and the rest written anew': (links, at) => rewritten(links.toSpliced(at, 1), at),
  'edited, and the rest written anew': (links, at) => rewritten(links.with(at, { ...links[at]!, text: '{"type":"key"}' }), at),
  'put in twice': (links, at) => links.toSpliced(at, 0, links[at]!),
  'moved elsewhere': (links, at, random) => {
    const others = links.map((_, index) => index).filter((index) => index !== at)
    const to = others[Math.floor(random() * others.length)]!
    return links.toSpliced(at, 1).toSpliced(to, 0, links[at]!)
  },
  'exchanged with the next': (links, at) => {
    const other = at + 1 < links.length ? at + 1 : at - 1
    return links.with(at, links[other]!).with(other, links[at]!)
  },
}
const rewritten = (links: readonly ChainLink[], from: number): ChainLink[] => {
  const made = links.slice(0, from)
  for (const { id, text } of links.slice(from)) {
    const record = { n: made.length + 1, id, text }
    made.push({ ...record, hash: chainHash(made.at(-1)?.hash ?? '', record) })
  }
  return made
}

test.each(Object.entries(tricks))('a record that was %s is always found', async (_, trick) => {
  const random = seededRandom(7)
  for (let round = 0; round < 60; round++) {
    const chain = chainOf(2 + Math.floor(random() * 40))
    const at = Math.floor(random() * chain.links.length)
    const links = trick([...chain.links], at, random)
    const report = await verify({ ...chain, links })
    expect(report.ok, `round ${round}, record ${at + 1}`).toBe(false)
  }
})

test('a chain written anew by somebody with another key is found, and so is a base that was made up', async () => {
  const chain = chainOf(30)
  const thief = createAuditSigner({ ...keyOf('k1') })
  const forged = chainOf(30, thief)
  expect((await verify(forged)).problems.map(({ says }) => says)).toContain('the signature of the end of the record, at 30, is wrong')
  const base = markOf('base', chain.links[6]!, thief)
  expect(await verify({ ...chain, links: chain.links.slice(7), base })).toMatchObject({ ok: false, problems: [{ n: 7 }] })
  // A checkpoint says that the chain had come so far, not that what is before it may be gone.
  const place = chain.checkpoints[0]!
  expect(await verify({ ...chain, links: chain.links.slice(7), base: place })).toMatchObject({ ok: false })
})

test('an end that was cut off is told by the checkpoints that are left, or by what was seen', async () => {
  const chain = chainOf(30)
  const links = chain.links.slice(0, 20)
  const head = markOf('place', links[19]!, signer)
  expect(await verify({ ...chain, links, head })).toMatchObject({ ok: false, problems: [{ n: 21 }, { n: 28 }] })
  const checkpoints = chain.checkpoints.slice(0, 2)
  expect(await verify({ links, checkpoints, head })).toMatchObject({ ok: true })
  expect(await verify({ links, checkpoints, head, seen: [chain.links[24]!] })).toMatchObject({
    ok: false,
    problems: [{ n: 25, says: 'record 25, which was seen before, is missing' }],
  })
})

test('what an older master key signed is verified with it, and is unknown without', async () => {
  const [older, newer] = [keyOf('old'), keyOf('new')]
  const chain = chainOf(20, createAuditSigner(older))
  const links = [chain.links]
  const head = markOf('place', chain.head, createAuditSigner(newer))
  const both = createAuditSigner({ ...newer, older: [older] })
  expect(await verifyChain({ ...chain, links, head }, both)).toMatchObject({ ok: true, signatures: 3, unknownKeys: 0 })
  expect(await verifyChain({ ...chain, links, head }, createAuditSigner(newer))).toMatchObject({ ok: true, signatures: 1, unknownKeys: 2 })
})

test('100,000 records are looked through in less than 2 s', async () => {
  const { links, checkpoints, head } = chainOf(100_000)
  const some = checkpoints.filter((_, index) => index % 100 === 0)
  // By the processor's clock: other tests run beside this one.
  const before = process.cpuUsage()
  expect(await verify({ links, checkpoints: some, head })).toMatchObject({ ok: true, records: 100_000 })
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000)
})
