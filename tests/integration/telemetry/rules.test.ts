import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test } from 'vitest'
import { metricTable } from '../../../src/telemetry/table.ts'
import { dashboardExpressions, seriesOf } from '../../support/observed.ts'
import { preparePromcheck, readAlerts, readExpressions, readRules } from '../../support/promcheck.ts'

const rulesFile = (): Promise<string> => readFile(new URL('../../../containers/prometheus/alerts.yaml', import.meta.url), 'utf8')

beforeAll(preparePromcheck, 900_000)

test('every metric of the dashboard and of the alert rules is one of ours, with labels that it has', async () => {
  const rules = await readRules(await rulesFile())
  const read = await readExpressions([...(await dashboardExpressions()), ...rules.map(({ expr }) => expr)])
  expect(read.filter(({ error }) => error !== undefined)).toEqual([])
  const used = read.flatMap(seriesOf)
  expect(used.length).toBeGreaterThan(40)
  const known = new Map<string, readonly string[]>(Object.entries(metricTable).map(([name, { labels }]) => [name, labels]))
  for (const { metric, labels, text } of used) {
    expect([...known.keys()], text).toContain(metric)
    // What Prometheus adds to every series it scrapes.
    expect(
      labels.filter((label) => !['job', 'instance', ...(known.get(metric) ?? [])].includes(label)),
      text,
    ).toEqual([])
  }
})

test('each alert has a summary, something to do and a severity', async () => {
  for (const { alert, annotations, labels } of await readRules(await rulesFile())) {
    expect(annotations['summary'], alert).toBeTruthy()
    expect(['none', 'info', 'warning', 'critical'], alert).toContain(labels['severity'])
    if (labels['severity'] !== 'none') expect(annotations['action'], alert).toBeTruthy()
  }
})

const well = `load 1m
  telpher_build_info{process="server"} 1x60
  telpher_queue_depth{pool="eu"} 0x60
  telpher_queue_oldest_wait_seconds{pool="eu"} 0x60
  telpher_workers{pool="eu",state="available"} 1x60
  telpher_workers{pool="eu",state="busy"} 0x60
  telpher_jobs_total{result="success"} 0+10x60
  telpher_jobs_total{result="error"} 0x60
  telpher_redis_up 1x60
  telpher_redis_level{redis="store"} 0x60
  telpher_redis_used_bytes{redis="store"} 50x60
  telpher_redis_max_bytes{redis="store"} 100x60
`
const issued = (lifetime: number): string => `  telpher_credential_issued_timestamp_seconds{target="a"} 0x60
  telpher_credential_expires_timestamp_seconds{target="a"} ${lifetime}x60
`
const cases: readonly (readonly [what: string, load: string, firing: readonly string[]])[] = [
  ['all is well', well, []],
  ['nothing is scraped', 'load 1m\n  other 1x60\n', ['TelpherGone']],
  [
    'jobs wait and nobody is there',
    well.replace('depth{pool="eu"} 0', 'depth{pool="eu"} 3').replace('"available"} 1', '"available"} 0'),
    ['TelpherNoWorker'],
  ],
  ['nobody is there and nothing waits', well.replace('"available"} 1', '"available"} 0'), []],
  ['a job has waited for 6 min', well.replace('wait_seconds{pool="eu"} 0', 'wait_seconds{pool="eu"} 360'), ['TelpherQueueSlow']],
  ['one job in eleven ends with an error', well.replace('error"} 0x', 'error"} 0+1x'), ['TelpherErrors']],
  ['one error in ten minutes is no alarm', well.replace('error"} 0x60', 'error"} 0x50 1x10'), []],
  ['attempts are lost', `${well}  telpher_attempts_lost_total{action="requeue"} 0+1x60\n`, ['TelpherAttemptsLost']],
  ['a fence is not proven', `${well}  telpher_fences_total{outcome="unproven"} 0+1x60\n`, ['TelpherFenceUnproven']],
  ['a credential is young', `${well}${issued(7200)}`, []],
  ['60 % of its life is over', `${well}${issued(5000)}`, ['TelpherCredentialHalfLife']],
  ['80 %', `${well}${issued(3750)}`, ['TelpherCredentialHalfLife', 'TelpherCredentialAges']],
  ['95 %', `${well}${issued(3150)}`, ['TelpherCredentialHalfLife', 'TelpherCredentialAges', 'TelpherCredentialExpires']],
  ['a target is down', `${well}  telpher_target_up{target="a"} 0x60\n`, ['TelpherTargetDown']],
  ['a target is up', `${well}  telpher_target_up{target="a"} 1x60\n  telpher_target_checked_timestamp_seconds{target="a"} 2900x60\n`, []],
  [
    'one of two servers has not heard yet that it is up',
    `${well}  telpher_target_up{instance="1",target="a"} 0x60\n  telpher_target_up{instance="2",target="a"} 1x60\n`,
    [],
  ],
  ['nobody tried a target for hours', `${well}  telpher_target_checked_timestamp_seconds{target="a"} -4300x60\n`, ['TelpherTargetUntried']],
  ['an account has a warning', `${well}  telpher_account_alarms{level="warn",target="a"} 1x60\n`, []],
  ['an account has an alarm', `${well}  telpher_account_alarms{level="alarm",target="a"} 1x60\n`, ['TelpherAccountAlarm']],
  ['an account rests', `${well}  telpher_account_rotation_since_timestamp_seconds{state="stable",target="a"} 0x60\n`, []],
  [
    'a rotation stands still',
    `${well}  telpher_account_rotation_since_timestamp_seconds{state="sealed",target="a"} 0x60\n`,
    ['TelpherRotationStuck'],
  ],
  [
    'a rotation was due hours ago',
    `${well}  telpher_account_next_rotation_timestamp_seconds{target="a"} -4300x60\n`,
    ['TelpherRotationOverdue'],
  ],
  ['Redis is away', well.replace('up 1', 'up 0'), ['TelpherRedisDown']],
  ['Redis fills', well.replace('used_bytes{redis="store"} 50', 'used_bytes{redis="store"} 75'), ['TelpherRedisFills']],
  ['without a maxmemory nothing is said of it', well.replace('max_bytes{redis="store"} 100', 'max_bytes{redis="store"} 0'), []],
  ['Redis is full', well.replace('level{redis="store"} 0', 'level{redis="store"} 2'), ['TelpherRedisFull']],
  [
    'an event loop stands',
    `${well}  telpher_event_loop_delay_seconds_bucket{instance="w",job="t",le="0.5"} 0x60
  telpher_event_loop_delay_seconds_bucket{instance="w",job="t",le="1"} 0+60x60
  telpher_event_loop_delay_seconds_bucket{instance="w",job="t",le="+Inf"} 0+60x60
`,
    ['TelpherEventLoop'],
  ],
]

test('alerts speak when they should, and are silent else', async () => {
  const fired = await readAlerts(
    await rulesFile(),
    cases.map(([, load]) => ({ load, at: 3000 })),
  )
  expect(cases.map(([what], index) => [what, fired[index]])).toEqual(cases.map(([what, , firing]) => [what, ['TelpherDeadMan', ...firing]]))
  const tried = new Set(cases.flatMap(([, , firing]) => firing))
  const all = (await readRules(await rulesFile())).map(({ alert }) => alert)
  expect(all.filter((alert) => alert !== 'TelpherDeadMan' && !tried.has(alert))).toEqual([])
})
