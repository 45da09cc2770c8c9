import { secretValuesIn } from '../model/secret-values.ts'
import { readAtMost } from './body.ts'
import { ask, type Exchange, type ExchangeTools, pass, reply } from './exchange.ts'
import { answered, forWrite, forwarded } from './headers.ts'
import type { RequestInfo } from './path.ts'

/** Longer lists are passed on as they come: what has so many Secrets in it is a list of Helm's own records. */
const longestRead = 4 * 1024 * 1024

/** Whether a request is about Kubernetes Secrets. */
export const isOfSecrets = ({ isResource, group, resource, subresource }: RequestInfo): boolean =>
  isResource && group === '' && resource === 'secrets' && subresource === ''

/** Whether its answer is one or several Secrets; a watch has no end. */
export const readsSecrets = (info: RequestInfo): boolean => isOfSecrets(info) && (info.verb === 'get' || info.verb === 'list')

const valuesIn = (body: Buffer): string[] => {
  try {
    return secretValuesIn(JSON.parse(body.toString('utf8')))
  } catch {
    return []
  }
}

/** A read of Secrets: their values are told before the job has them. It gets JSON, which can be looked into. */
export const giveSecrets = async (
  asked: Exchange,
  tools: ExchangeTools,
  onSecretValues: (values: readonly string[]) => void,
): Promise<void> => {
  const { request, response } = asked
  const answer = await ask(asked, tools, forWrite(forwarded(request.headers, tools.mark)))
  const body = await readAtMost(answer.body, longestRead)
  if (body === undefined) return pass(answer, asked)
  onSecretValues(valuesIn(body))
  reply(response, answer.status, answered(answer.headers), body)
}
