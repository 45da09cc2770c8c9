import type { WriteVerb } from '../model/ledger.ts'
import type { ClusterResponse } from '../model/ports.ts'
import type { WriteAnswer } from './answer.ts'
import { readAtMost } from './body.ts'
import { changesDiscovery } from './discovery.ts'
import { ask, type Exchange, type ExchangeTools, pass, reply } from './exchange.ts'
import { deletesDry } from './facts.ts'
import { answered, forWrite, forwarded } from './headers.ts'
import type { OpenWrite } from './ledger.ts'

/** The answer to a write is one object; longer ones (lists of what was deleted) are passed on without being looked into. */
const longestRead = 4 * 1024 * 1024

const asksDry = ({ url, info, body }: Exchange): boolean => {
  const mark = url.indexOf('?')
  if (mark !== -1 && new URLSearchParams(`&${url.slice(mark + 1)}`).get('dryRun') === 'All') return true
  return info.verb.startsWith('delete') && deletesDry(body)
}

/** What the ledger takes from the head of an answer. */
export const headFacts = ({ status, headers }: Pick<ClusterResponse, 'status' | 'headers'>): WriteAnswer => {
  const id = headers['audit-id']
  return { code: status, ...(typeof id === 'string' ? { auditId: id.slice(0, 128) } : {}) }
}

const parsed = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const answerWrite = async (asked: Exchange, tools: ExchangeTools, entry: OpenWrite): Promise<void> => {
  const { request, response, info } = asked
  const answer = await ask(asked, tools, forWrite(forwarded(request.headers, tools.mark)), entry)
  const body = await readAtMost(answer.body, longestRead)
  if (changesDiscovery(info.group, info.resource)) tools.discovery.changed()
  if (body === undefined) {
    await entry.close(headFacts(answer))
    return pass(answer, asked)
  }
  await entry.close({ ...headFacts(answer), body: parsed(body) })
  reply(response, answer.status, answered(answer.headers), body)
}

/** A proxied application may answer anything and for long: nothing of it is looked into. */
const answerConnect = async (asked: Exchange, tools: ExchangeTools, entry: OpenWrite): Promise<void> => {
  const answer = await ask(asked, tools, forwarded(asked.request.headers, tools.mark), entry)
  try {
    await pass(answer, asked)
  } finally {
    await entry.close(headFacts(answer))
  }
}

/** A write: its answer goes on only after its ledger entry is stored; without an answer the entry says so. */
export const giveWrite = async (asked: Exchange, tools: ExchangeTools, verb: WriteVerb): Promise<void> => {
  const entry = tools.book.open(asked.info, verb, asksDry(asked))
  try {
    await (verb === 'connect' ? answerConnect : answerWrite)(asked, tools, entry)
  } catch (thrown) {
    await entry.close({ code: 0 })
    throw thrown
  }
}
