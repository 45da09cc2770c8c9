import type { BackupPart } from '../../model/backup.ts'
import type { Connection } from '../connection.ts'
import { auditKeys } from '../keys.ts'
import { linkPages, readCheckpoints, readEnds } from './chain.ts'

/** The record of who did what, as it is at this moment: what is recorded meanwhile is left out, and so are the marks of that. */
export async function* auditParts(connection: Connection): AsyncGenerator<BackupPart> {
  const { head, headText } = await readEnds(connection)
  if (head === undefined) return
  let first = true
  for await (const links of linkPages(connection)) {
    const kept = links.filter(({ n }) => n <= head.n)
    const rows = kept.map(({ id, n, text, hash }) => [id, 'n', String(n), 'e', text, 'h', hash])
    if (rows.length > 0) yield { key: auditKeys.chain, type: 'stream', first, rows }
    first = false
  }
  const checkpoints = (await readCheckpoints(connection)).filter(({ n }) => n <= head.n)
  const marks = checkpoints.map((mark) => [`${mark.n}-0`, 'm', JSON.stringify(mark)])
  if (marks.length > 0) yield { key: auditKeys.checkpoints, type: 'stream', first: true, rows: marks }
  // What the retention removed while this was read goes by the base of afterwards.
  const { baseText } = await readEnds(connection)
  yield { key: auditKeys.marks, type: 'hash', first: true, rows: [['head', headText], ...(baseText === '' ? [] : [['base', baseText]])] }
}
