import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, idIn, playDeployment, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
let id: string
const target = freshName('target')
const failed = { status: 'failed', sentence: 'web is broken', code: 'verify_failed' } as const

beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
  await served.call('POST', '/v1/targets', newTarget(target, { namespace: 'shop' }))
  const started = cli.run(['deploy', 'web.yaml', '--target', target, '--name', 'web'])
  id = await deploymentOn(served.store, target)
  await playDeployment(served.store, id, failed, { report: { notes: ['watched for 5 s'] } })
  expect((await started).code).toBe(10)
})
afterAll(() => served.close())

/** Lets a command start a deployment, and ends that. */
const played = async (args: readonly string[], end: Parameters<typeof playDeployment>[2]) => {
  let told = ''
  const onSaid = (text: string): void => {
    told = text
  }
  const running = cli.run(args, { onSaid })
  const next = await deploymentOn(served.store, target)
  await playDeployment(served.store, next, end)
  const result = await running
  expect(idIn(told)).toBe(next)
  return { ...result, id: next }
}

test('a retry is followed to its end, and shows where it comes from', async () => {
  const { code, stdout, id: retry } = await played(['retry', id], { status: 'succeeded', sentence: '1 object is current' })
  expect([code, stdout]).toEqual([0, expect.stringContaining('success')])
  const listed = await cli.run(['list', '--target', target, '--since', '1h'])
  expect(listed.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['DEPLOYMENT', retry, id, ''])
  expect(listed.stdout).toContain(`retry of ${id}`)
  const refused = await cli.run(['retry', retry])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`nothing failed in ${retry}`)])
})

test('a rerun and a rollback can be started and left', async () => {
  const rerun = await cli.run(['rerun', id, '--no-wait', '-o', 'json'])
  const { deployment } = JSON.parse(rerun.stdout) as { deployment: { id: string; lineage: object } }
  expect(deployment.lineage).toEqual({ kind: 'rerun', of: id })
  await playDeployment(served.store, deployment.id, { status: 'succeeded', sentence: 'done' })
  const back = await played(['rollback', '--to', deployment.id], { status: 'succeeded', sentence: 'done' })
  expect(back.code).toBe(0)
  const never = await cli.run(['rollback', '--to', id])
  expect([never.code, never.stderr]).toEqual([2, expect.stringContaining('telpher list --status success')])
})

test('the list says how to go on, with the same filters, and pages do not overlap', async () => {
  const first = await cli.run(['list', '--target', target, '--status', 'success,failure', '--limit', '1', '-o', 'json'])
  const command = /There are more: telpher (.*)/.exec(first.stderr)?.[1] ?? ''
  for (const part of ['list ', '--limit 1', '--status success,failure', `--target ${target}`, '--cursor dep_'])
    expect(command).toContain(part)
  const second = await cli.run([...command.split(' '), '-o', 'json'])
  const idsOf = (text: string): string[] => (JSON.parse(text) as { id: string }[]).map((one) => one.id)
  expect(idsOf(second.stdout)).toHaveLength(1)
  expect(idsOf(second.stdout)).not.toEqual(idsOf(first.stdout))
  const none = await cli.run(['list', '--target', target, '--namespace', 'elsewhere'])
  expect(none).toEqual({ code: 0, stdout: '', stderr: 'No such deployments.\n' })
})

test.each([
  [['--status', 'good'], 'status'],
  [['--since', 'yesterday'], '--since'],
  [['--limit', '0'], '--limit'],
])('list %j is refused', async (args, named) => {
  const { code, stderr } = await cli.run(['list', ...args])
  expect([code, stderr]).toEqual([2, expect.stringContaining(named)])
})

test('view shows a deployment in full', async () => {
  const { stdout } = await cli.run(['view', id])
  const { jobs, attempts, packages, logs } = JSON.parse((await cli.run(['view', id, '-o', 'json'])).stdout) as {
    jobs: { jobId: string }[]
    attempts: object[]
    packages: { sha256: string; stored: boolean }[]
    logs: Record<string, string>
  }
  const jobId = jobs[0]?.jobId ?? ''
  expect(attempts).toMatchObject([{ jobId, attempt: 1, worker: 'w1', to: 'failed' }])
  expect(packages).toMatchObject([{ stored: true, steps: ['web'] }])
  expect(logs[jobId]).toBe(`${served.url}/v1/deployments/${id}/jobs/${jobId}/log`)
  for (const part of ['failure', packages[0]?.sha256 ?? '', 'web is broken (verify_failed)', 'watched for 5 s', 'shop'])
    expect(stdout).toContain(part)
  expect(stdout).toContain(`telpher logs ${id} --job ${jobId}`)
})

test('diff-runs shows files, results and times of two deployments', async () => {
  await writeFile(join(cli.dir, 'web.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: changed}\n')
  const other = await played(['deploy', 'web.yaml', '--target', target, '--name', 'web'], { status: 'succeeded', sentence: 'done' })
  const { code, stdout } = await cli.run(['diff-runs', id, other.id])
  expect(code).toBe(0)
  expect(stdout).toContain(`A  ${id}\nB  ${other.id}\n`)
  expect(stdout).toMatch(/STEPS\n~ web\n {2}package: [0-9a-f]{12} → [0-9a-f]{12}\n {4}~ web\.yaml {2}[0-9a-f]{12} → [0-9a-f]{12}\n/)
  expect(stdout).toContain('      +metadata: {name: changed}\n')
  expect(stdout).toContain(`  web → ${target}: failed verify_failed → succeeded\n`)
  expect(stdout).toMatch(/TIMES +A +B\nall +\S+ +\S+\nweb /)
  expect((await cli.run(['diff-runs', id, id])).stdout).toContain('Nothing but the times differs.')
  expect((await cli.run(['diff-runs', id, `dep_${'0'.repeat(26)}`])).code).toBe(5)
})
