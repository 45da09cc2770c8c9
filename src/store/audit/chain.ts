import type { AuditEntry, AuditRecord } from '../../model/audit.ts'
import type { ChainLink, ChainMark } from '../../model/auditchain.ts'
import type { Connection } from '../connection.ts'
import { auditKeys } from '../keys.ts'

/** Records that are read at once. */
const pageSize = 1000

type Raw = readonly [id: string, fields: string[] | null]

const fieldsOf = ([, flat]: Raw): ReadonlyMap<string, string> => {
  const fields = new Map<string, string>()
  for (let at = 0; at < (flat?.length ?? 0); at += 2) fields.set(flat?.[at] ?? '', flat?.[at + 1] ?? '')
  return fields
}

export interface StreamRow {
  readonly id: string
  readonly field: (name: string) => string
}

const rowOf = (raw: Raw): StreamRow => {
  const fields = fieldsOf(raw)
  return { id: raw[0], field: (name) => fields.get(name) ?? '' }
}

/** Entries of a stream from its beginning, or after an id. */
export const streamRows = async (connection: Connection, key: string, after: string | undefined, count: number): Promise<StreamRow[]> => {
  const from = after === undefined ? '-' : `(${after}`
  return (await connection.call((redis) => redis.xrange(key, from, '+', 'COUNT', count))).map(rowOf)
}

const linkOf = ({ id, field }: StreamRow): ChainLink => ({ id, n: Number(field('n')), text: field('e'), hash: field('h') })

/** The record behind a link. */
export const recordOf = ({ n, id, text, hash }: ChainLink): AuditRecord => ({ ...(JSON.parse(text) as AuditEntry), n, id, hash })

/** Everything that is kept, page by page. @param after only what is behind this id */
export async function* linkPages(connection: Connection, after?: string): AsyncGenerator<ChainLink[]> {
  for (let last = after; ; ) {
    const rows = await streamRows(connection, auditKeys.chain, last, pageSize)
    if (rows.length > 0) yield rows.map(linkOf)
    last = rows.at(-1)?.id
    if (rows.length < pageSize) return
  }
}

/** A page of links, from either end. */
export const linkPage = async (
  connection: Connection,
  { from, to, newest, count }: { readonly from: string; readonly to: string; readonly newest: boolean; readonly count: number },
): Promise<ChainLink[]> => {
  const raws = await connection.call((redis) =>
    newest ? redis.xrevrange(auditKeys.chain, to, from, 'COUNT', count) : redis.xrange(auditKeys.chain, from, to, 'COUNT', count),
  )
  return raws.map((raw) => linkOf(rowOf(raw)))
}

/** The signed ends, each as it is stored and as it is meant. */
export interface Ends {
  readonly headText: string
  readonly baseText: string
  readonly head?: ChainMark
  readonly base?: ChainMark
}

const markFrom = (text: string): ChainMark => JSON.parse(text) as ChainMark

export const readEnds = async (connection: Connection): Promise<Ends> => {
  const [headText, baseText] = await connection.call((redis) => redis.hmget(auditKeys.marks, 'head', 'base'))
  return {
    headText: headText ?? '',
    baseText: baseText ?? '',
    ...(headText == null ? {} : { head: markFrom(headText) }),
    ...(baseText == null ? {} : { base: markFrom(baseText) }),
  }
}

/** Every checkpoint that is kept; there is one for some hundred records. */
export const readCheckpoints = async (connection: Connection): Promise<ChainMark[]> => {
  const marks: ChainMark[] = []
  for (let last: string | undefined; ; ) {
    const rows = await streamRows(connection, auditKeys.checkpoints, last, pageSize)
    marks.push(...rows.map(({ field }) => markFrom(field('m'))))
    last = rows.at(-1)?.id
    if (rows.length < pageSize) return marks
  }
}

/** The last one. */
export const lastCheckpoint = async (connection: Connection): Promise<ChainMark | undefined> => {
  const [raw] = await connection.call((redis) => redis.xrevrange(auditKeys.checkpoints, '+', '-', 'COUNT', 1))
  return raw === undefined ? undefined : markFrom(rowOf(raw).field('m'))
}

/** The smallest id behind another one. */
export const idAfter = (id: string): string => {
  const [ms = '0', count = '0'] = id.split('-')
  return `${ms}-${BigInt(count) + 1n}`
}

/** When an id was given, ms since the epoch. */
export const timeOf = (id: string): number => Number(id.split('-')[0])
