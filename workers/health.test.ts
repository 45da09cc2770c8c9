import { expect, test } from 'vitest'
import { type ReadyCheck, serveHealth } from './health.ts'

test('a worker lives whatever it does, is ready while nothing is in its way, and says in full what is', async ({ onTestFinished }) => {
  let checks: readonly ReadyCheck[] = [
    { name: 'draining', reason: undefined },
    { name: 'event-loop', reason: undefined },
  ]
  const health = await serveHealth({ host: '127.0.0.1', port: 0, checks: () => checks, metrics: () => 'telpher_x 1\n' })
  onTestFinished(() => health.close())
  const ask = async (path: string): Promise<[number, string, string | null]> => {
    const answer = await fetch(`http://127.0.0.1:${health.port}${path}`)
    return [answer.status, await answer.text(), answer.headers.get('content-type')]
  }
  expect(await ask('/readyz')).toEqual([200, 'ok\n', 'text/plain; charset=utf-8'])
  checks = [{ name: 'draining', reason: 'draining' }, checks[1] as ReadyCheck]
  expect(await ask('/livez')).toEqual([200, 'ok\n', 'text/plain; charset=utf-8'])
  expect(await ask('/readyz')).toEqual([503, 'draining\n', 'text/plain; charset=utf-8'])
  expect(await ask('/readyz?verbose')).toEqual([503, '[-]draining: draining\n[+]event-loop ok\nnot ready\n', 'text/plain; charset=utf-8'])
  expect(await ask('/metrics')).toEqual([200, 'telpher_x 1\n', 'text/plain; version=0.0.4; charset=utf-8'])
  expect((await ask('/constructor'))[0]).toBe(404)
})
