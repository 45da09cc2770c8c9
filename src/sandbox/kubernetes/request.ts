import { request } from 'node:https'
import type { KeyPair } from './pki.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Sends one request to the API server. @param body JSON */
export type ApiRequest = (method: string, path: string, body?: unknown) => Promise<Answer>

/**
 * A client for set-up and tests: one connection a request, no retries, 10 s limit.
 * @param server such as `https://127.0.0.1:6443`
 */
export const apiClient =
  (server: string, caPem: string, pair: KeyPair): ApiRequest =>
  (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const tls = { ca: caPem, cert: pair.certPem, key: pair.keyPem, agent: false as const, timeout: 10_000 }
      const sent = request(`${server}${path}`, { method, headers, ...tls }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      })
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within 10 s`)))
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })

/** Sends a request that must succeed. @throws Error with the API server's answer */
export const mustAnswer = async (api: ApiRequest, method: string, path: string, body?: unknown): Promise<unknown> => {
  const answer = await api(method, path, body)
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.slice(0, 500)}`)
  return JSON.parse(answer.body)
}
