import { isRecordOf } from '../model/auditfilter.ts'
import type { Audit, AuditQuery } from '../store/index.ts'
import { type AuditListQuery, auditSchema, verifySchema } from './auditqueries.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, parsed } from './on.ts'

/** How long an answer waits for what was said before it was asked, in ms. */
const waitMs = 1000
const askMs = 25

const caughtUp = async (audit: Pick<Audit, 'isSealed'>): Promise<void> => {
  const end = performance.now() + waitMs
  while (!(await audit.isSealed()) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, askMs))
}

/** Clocks of whoever says when something happened may be ahead by so much, in ms. */
const skewMs = 3_600_000

const storeQueryOf = ({ limit, cursor, order, ...filter }: AuditListQuery): AuditQuery => ({
  limit,
  order,
  ...(cursor === undefined ? {} : { cursor }),
  ...(filter.since === undefined ? {} : { recordedSince: filter.since - skewMs }),
  ...(Object.values(filter).some((value) => value !== undefined) ? { matches: (record) => isRecordOf(record, filter) } : {}),
})

/** The record of who did what: read, and looked through for what somebody changed. */
export const addAuditRoutes = (api: Api, { store, audit }: ApiDeps): void => {
  on(api, 'listAudit', async (context) => {
    const query = parsed(auditSchema, context.req.query())
    if (query.cursor === undefined) await caughtUp(store.audit)
    return context.json(await store.audit.list(storeQueryOf(query)))
  })
  on(api, 'verifyAudit', async (context) => {
    const { expect } = parsed(verifySchema, context.req.query())
    const [n = '', hash = ''] = expect?.split(':') ?? []
    const seen = [...(audit.seen?.() ?? []), ...(expect === undefined ? [] : [{ n: Number(n), hash }])]
    return context.json({ ...(await store.audit.verify(audit.signer, seen)), head: await store.audit.head() })
  })
}
