import { request } from 'node:https'
import { json } from 'node:stream/consumers'

/** Posts JSON to a host with a certificate of its own authority. */
export const fetchTrusting = (ca: string, url: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', ca, agent: false, headers: { 'content-type': 'application/json' } }, (answer) => {
      json(answer).then((told) => resolve({ status: answer.statusCode ?? 0, body: told }), reject)
    })
    outgoing.once('error', reject).end(JSON.stringify(body))
  })
