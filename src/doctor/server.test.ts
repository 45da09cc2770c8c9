import { expect, test } from 'vitest'
import { judgeClock } from './clock.ts'
import { judgePort, type PortFacts } from './port.ts'
import { judgeNoServer, judgeServer, judgeVersions } from './server.ts'

test.each([
  [12, 'ok'],
  [2500, 'warn'],
])('an answer after %i ms is %s', (ms, status) => {
  expect(judgeServer('http://a:1', ms)).toMatchObject({ id: 'server', status })
})

test('no answer fails with the advice of its error', () => {
  expect(judgeNoServer('refused', 'Start one.')).toEqual({ id: 'server', status: 'fail', seen: 'refused', fix: 'Start one.' })
})

test.each([
  ['0.1.0', '0.1.7', 'ok'],
  ['0.1.0', '0.2.0', 'warn'],
  ['2.0.0', '1.0.0', 'warn'],
])('command line %s and server %s: %s', (cli, server, status) => {
  expect(judgeVersions(cli, server).status).toBe(status)
})

test.each<[PortFacts, string, string]>([
  [{ host: 'h', port: 0 }, 'ok', ''],
  [{ host: 'h', port: 7373 }, 'ok', ''],
  [{ host: 'h', port: 7373, refusal: 'EADDRINUSE', isOurs: true }, 'ok', ''],
  [{ host: 'h', port: 7373, refusal: 'EADDRINUSE' }, 'fail', 'TELPHER_PORT=7374'],
  [{ host: 'h', port: 80, refusal: 'EACCES' }, 'fail', 'TELPHER_PORT=7373'],
  [{ host: 'h', port: 80, refusal: 'ENOTFOUND' }, 'fail', 'TELPHER_HOST'],
])('%o: %s', (facts, status, fix) => {
  const finding = judgePort(facts)
  expect(finding.status).toBe(status)
  expect(finding.fix ?? '').toContain(fix)
})

test.each([
  [4000, 0, 'ok', '4.0 s ahead of Redis'],
  [-6000, 0, 'warn', '6.0 s behind Redis'],
  [6000, 4000, 'ok', '6.0 s ahead of Redis'],
])('a clock %i ms apart, compared within %i ms, is %s', (skew, span, status, seen) => {
  expect(judgeClock('server', skew, 'Redis', span)).toMatchObject({ subject: 'server', status, seen })
})
