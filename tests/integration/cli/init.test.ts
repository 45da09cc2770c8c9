import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { parseProcess } from '../../../src/process/parse.ts'
import type { StepEntry } from '../../../src/process/types.ts'
import { createTestCli, type TestCli } from './cli.ts'

let cli: TestCli
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(join(cli.dir, path, '..'), { recursive: true })
  await writeFile(join(cli.dir, path), text)
}
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`
const steps = async (): Promise<StepEntry[]> => {
  const parsed = parseProcess(await readFile(join(cli.dir, 'telpher.yaml'), 'utf8'))
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.read.process.steps
}
beforeEach(async () => {
  // Nobody listens there: this asks no server.
  cli = await createTestCli({ url: 'http://127.0.0.1:1', token: 'none' })
})

test('writes a step for each folder of manifests and each chart, and lint has nothing to say of it', async () => {
  await put('package.json', '{ "name": "x" }')
  await put('k8s/a.yaml', configMap('a'))
  await put('k8s/more/b.json', '{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "b" } }')
  await put('mixed/values.yaml', 'replicas: 2\n')
  await put('mixed/c.yaml', configMap('c'))
  await put('charts/Web App/Chart.yaml', 'apiVersion: v2\nname: web\nversion: 1.0.0\n')
  await put('charts/Web App/templates/t.yaml', configMap('t'))
  await put('node_modules/x/d.yaml', configMap('d'))
  await put('.hidden/e.yaml', configMap('e'))
  await put('other/k8s/f.yaml', configMap('f'))
  const { code, stdout } = await cli.run(['init'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^telpher\.yaml written with /)
  const [first, ...rest] = await steps()
  expect(first).toMatchObject({ apply: './web.yaml' })
  expect(rest).toEqual([
    { name: 'web-app', helm: { chart: './charts/Web App' } },
    { name: 'k8s', apply: './k8s' },
    { name: 'c', apply: './mixed/c.yaml' },
    { name: 'k8s-2', apply: './other/k8s' },
  ])
  expect(await cli.run(['lint'])).toMatchObject({ code: 0, stdout: 'telpher.yaml: no problem\n' })
})

test('never overwrites without --force', async () => {
  await put('telpher.yaml', 'mine')
  const refused = await cli.run(['init'])
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain('there is a telpher.yaml already: overwrite it with --force')
  expect(await readFile(join(cli.dir, 'telpher.yaml'), 'utf8')).toBe('mine')
  expect(await cli.run(['init', '--force', '-o', 'json'])).toMatchObject({ code: 0 })
  expect(await steps()).toHaveLength(1)
})

test('says so where there is nothing to deploy', async () => {
  await put('web.yaml', 'just: values\n')
  const { stdout, stderr } = await cli.run(['init'])
  expect(stdout).toBe('telpher.yaml written with an example\n')
  expect(stderr).toContain('There are no manifests and no chart in this folder')
  expect((await cli.run(['lint'])).stdout).toContain('there is nothing at ./manifests')
})
