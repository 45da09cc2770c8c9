import type { AuditEntry } from '../../model/audit.ts'
import { type ChainLink, type ChainMark, type ChainSigner, chainHash, genesis, markOf, markText } from '../../model/auditchain.ts'
import type { Connection } from '../connection.ts'
import { auditKeys, restoreKey } from '../keys.ts'
import { type Ends, lastCheckpoint, readEnds, streamRows, timeOf } from './chain.ts'
import type { createOutboxes } from './outboxes.ts'
import type { Audit } from './types.ts'

/** A server that is not heard for so long, in ms, loses its turn. */
const turnMs = 10_000
/** Records that get their places in one go. */
const atOnce = 500
/** A checkpoint is written after so many records, or ms, at the latest. */
const checkpointRecords = 1000
const checkpointMs = 60_000
/** Tokens by which repetitions are known. */
const mostTokens = 10_000

/** One entry behind the end of the chain. */
const linkAfter = (end: Pick<ChainLink, 'n' | 'id' | 'hash'> | undefined, text: string, now: number): ChainLink => {
  const [before, count] = end === undefined ? [0, -1] : [timeOf(end.id), Number(end.id.split('-')[1])]
  // The clock may have been put back: ids only grow.
  const id = now > before ? `${now}-0` : `${before}-${count + 1}`
  const n = (end?.n ?? 0) + 1
  return { n, id, text, hash: chainHash(end?.hash ?? genesis, { n, id, text }) }
}

/** Gives entries their places, one server at a time. @param onSealed told those that have one */
export const createSealer = (
  connection: Connection,
  outboxes: ReturnType<typeof createOutboxes>,
  onSealed: (entries: readonly AuditEntry[]) => Promise<void>,
): Pick<Audit, 'seal' | 'leave'> => {
  /** The end as this server last wrote it: what is found there later needs no look. */
  let written: ChainMark | undefined
  let checkpoint: ChainMark | undefined
  const tokens = new Set<string>()

  const takeTurn = async (server: string): Promise<boolean> => {
    if ((await connection.call((redis) => redis.set(auditKeys.turn, server, 'PX', turnMs, 'NX'))) === 'OK') {
      checkpoint = await lastCheckpoint(connection)
      return true
    }
    if ((await connection.call((redis) => redis.get(auditKeys.turn))) !== server) return false
    await connection.call((redis) => redis.pexpire(auditKeys.turn, turnMs))
    return true
  }

  /** What is to be said of an end that is not as a server of ours left it: it goes into the chain for good. */
  const complaintOf = ({ head }: Ends, signer: ChainSigner): AuditEntry | undefined => {
    if (head?.n === written?.n && head?.hash === written?.hash) return undefined
    const common = { type: 'audit', at: Date.now(), who: 'server', outcome: 'failed' } as const
    if (head !== undefined && signer.verify(head.kid, markText('place', head), head.signature) === false)
      return { ...common, action: 'broken', name: `record ${head.n}`, detail: { signature: 'wrong' } }
    if (written !== undefined && (head?.n ?? 0) < written.n)
      return { ...common, action: 'rolled-back', name: `record ${(head?.n ?? 0) + 1}`, detail: { from: written.n, to: head?.n ?? 0 } }
    return undefined
  }

  const sealOnce = async (server: string, signer: ChainSigner): Promise<number> => {
    // A restore puts another chain in the place of this one.
    if ((await connection.call((redis) => redis.exists(restoreKey))) === 1) return 0
    const ends = await readEnds(connection)
    const [waiting, deliveries] = await Promise.all([streamRows(connection, auditKeys.inbox, undefined, atOnce), outboxes.collect()])
    const complaint = complaintOf(ends, signer)
    const texts = complaint === undefined ? [] : [JSON.stringify(complaint)]
    const seen = new Set<string>()
    for (const { field } of waiting) {
      if (!tokens.has(field('k')) && !seen.has(field('k'))) texts.push(field('e'))
      seen.add(field('k'))
    }
    const cursors: string[] = []
    for (const { deploymentId, entries, cursor } of deliveries) {
      if (texts.length > 0 && texts.length + entries.length > atOnce) break
      texts.push(...entries.map((entry) => JSON.stringify(entry)))
      cursors.push(deploymentId, cursor)
    }
    if (texts.length === 0 && waiting.length === 0) return 0
    const now = Date.now()
    const links: ChainLink[] = []
    for (const text of texts) links.push(linkAfter(links.at(-1) ?? ends.head, text, now))
    const end = links.at(-1)
    if (end === undefined) {
      await connection.call((redis) => redis.xdel(auditKeys.inbox, ...waiting.map(({ id }) => id)))
      return 0
    }
    const mark = markOf('place', end, signer)
    const isCheckpoint =
      checkpoint === undefined ||
      end.n - checkpoint.n + atOnce >= checkpointRecords ||
      timeOf(end.id) - timeOf(checkpoint.id) >= checkpointMs
    const done = await connection.script(
      'seal-audit',
      [auditKeys.turn, auditKeys.marks, auditKeys.chain, auditKeys.checkpoints, auditKeys.inbox, auditKeys.cursors],
      [
        server,
        ends.headText,
        JSON.stringify(mark),
        isCheckpoint ? `${mark.n}-0` : '',
        waiting.length,
        cursors.length / 2,
        ...waiting.map(({ id }) => id),
        ...cursors,
        ...links.flatMap(({ id, n, text, hash }) => [id, n, text, hash]),
      ],
    )
    if (done !== 1) return 0
    written = mark
    if (isCheckpoint) checkpoint = mark
    for (const token of seen) tokens.add(token)
    for (const token of tokens) {
      if (tokens.size <= mostTokens) break
      tokens.delete(token)
    }
    await onSealed(links.map(({ text }) => JSON.parse(text) as AuditEntry))
    return links.length
  }

  return {
    async seal(server, signer) {
      let sealed = 0
      while (await takeTurn(server)) {
        const count = await sealOnce(server, signer)
        sealed += count
        if (count === 0) return sealed
      }
      return sealed === 0 ? undefined : sealed
    },
    async leave(server) {
      if ((await connection.call((redis) => redis.get(auditKeys.turn))) === server)
        await connection.call((redis) => redis.del(auditKeys.turn))
    },
  }
}
