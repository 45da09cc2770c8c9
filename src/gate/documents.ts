import { readAtMost } from './body.ts'
import type { KeptAnswer } from './discovery.ts'
import { ask, type Exchange, type ExchangeTools, pass, reply } from './exchange.ts'
import { answered, forwarded, unconditional } from './headers.ts'

/** Longer documents are passed on and not kept. */
const longestKept = 8 * 1024 * 1024

const give = (kept: KeptAnswer, { request, response }: Exchange): void => {
  if (kept.etag !== undefined && request.headers['if-none-match'] === kept.etag) {
    response.writeHead(304, { etag: kept.etag }).end()
    return
  }
  reply(response, kept.status, kept.headers, kept.body)
}

/** Answers with a document of discovery: from the cache while fresh, else validated by its ETag. */
export const giveDocument = async (asked: Exchange, tools: ExchangeTools): Promise<void> => {
  const { headers } = asked.request
  const key = `${asked.url} ${headers.accept ?? ''} ${headers['accept-encoding'] ?? ''}`
  const known = tools.discovery.get(key)
  if (known?.fresh === true) return give(known.answer, asked)
  const validator = known?.answer.etag === undefined ? {} : { 'if-none-match': known.answer.etag }
  const answer = await ask(asked, tools, { ...unconditional(forwarded(headers, tools.mark)), ...validator })
  if (answer.status === 304 && known !== undefined) {
    answer.body.resume()
    tools.discovery.confirm(key)
    return give(known.answer, asked)
  }
  if (answer.status !== 200) return pass(answer, asked)
  const body = await readAtMost(answer.body, longestKept)
  if (body === undefined) return pass(answer, asked)
  const { etag } = answer.headers
  const kept: KeptAnswer = { status: 200, headers: answered(answer.headers), body, ...(etag === undefined ? {} : { etag }) }
  tools.discovery.put(key, kept)
  give(kept, asked)
}
