import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { checkout } from '../../src/sandbox/paths.ts'
import { pages as allPages, type Snippet, snippetsOf } from '../support/docs.ts'
import { useE2e } from '../support/e2e-stack.ts'

const e2e = useE2e()
let folder: string
let environment: Record<string, string>

/** The pages in the order of somebody who reads one after the other, in one folder. */
const pages = [
  'first-deployment',
  'add-a-target',
  'deploy-a-helm-chart',
  'give-secrets-to-steps',
  'write-a-process-file',
  'deploy-to-many-targets',
  'read-a-failure',
  'retry-and-roll-back',
  'scale-workers',
  'observe',
  'use-in-ci',
  'use-the-library',
  'submit-through-redis',
  'execution-images',
  'back-up-and-restore',
  'change-the-master-key',
  '../reference/graces',
].map((name) => normalize(`docs/how-to/${name}.md`))

const runnable = (page: string): Snippet[] =>
  snippetsOf(page).filter(({ language, notRun }) => (language === 'sh' && notRun === undefined) || language === 'ts')

/** What readers have: manifests, a chart with values, and contexts in their kubeconfig. */
const prepareReader = async (): Promise<void> => {
  await cp(join(checkout, 'examples/web'), join(folder, 'manifests'), { recursive: true })
  await cp(join(checkout, 'examples/web'), join(folder, 'deploy'), { recursive: true })
  await cp(join(checkout, 'examples/web-chart'), join(folder, 'chart'), { recursive: true })
  await writeFile(join(folder, 'prod.yaml'), 'replicas: 2\n')
  const kubeconfig = parse(await readFile(e2e().cluster.kubeconfig, 'utf8'))
  const [{ context }] = kubeconfig.contexts
  kubeconfig.contexts = ['local', 'my-context', 'eu-1'].map((name) => ({ name, context }))
  await writeFile(join(folder, 'kubeconfig'), stringify(kubeconfig), { mode: 0o600 })
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'bin/telpher'), `#!/bin/sh\nexec '${process.execPath}' '${join(checkout, 'src/cli/main.ts')}' "$@"\n`)
  await chmod(join(folder, 'bin/telpher'), 0o755)
  await mkdir(join(folder, 'node_modules'))
  await symlink(checkout, join(folder, 'node_modules/telpher'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
}

const shell = async (line: string): Promise<void> => {
  const { exitCode, all } = await execa('sh', ['-euc', line], {
    cwd: folder,
    env: environment,
    all: true,
    reject: false,
    stdin: 'ignore',
    timeout: 240_000,
  })
  if (exitCode !== 0) throw new Error(`${line}\nended with ${exitCode}:\n${all}`)
}

/** The last deployments that ended so, as the pages' stand-ins for an id: …0 is one that failed, …1 one that succeeded. */
const standIns = async (): Promise<Record<string, string>> => {
  const last = async (status: string): Promise<string | undefined> => {
    const [found] = JSON.parse((await e2e().cli('list', '--status', status, '--limit', '1', '-o', 'json')).stdout)
    return found?.id
  }
  const succeeded = (await last('success')) ?? ''
  const failed = (await last('failure')) ?? succeeded
  const [freeze] = JSON.parse((await e2e().cli('freeze', '-o', 'json')).stdout)
  const { url, tokenFile } = e2e().stack.server
  return {
    dep_01JD0000000000000000000000: failed,
    dep_01JD0000000000000000000001: succeeded,
    'unfreeze FREEZE': `unfreeze ${freeze?.id}`,
    'telpher view DEPLOYMENT': `telpher view ${succeeded}`,
    'http://127.0.0.1:7373': url,
    'redis://127.0.0.1:6379': e2e().stack.redis.url,
    '.telpher/token': tokenFile,
  }
}

const run = async ({ page, language, text, line }: Snippet): Promise<void> => {
  const stands = await standIns()
  const filled = Object.entries(stands).reduce((so, [from, to]) => so.replaceAll(from, to), text)
  if (language === 'ts') await writeFile(join(folder, `line-${line}.ts`), filled)
  await shell(`# ${page}:${line}\n${language === 'sh' ? filled : `'${process.execPath}' --conditions=telpher-checkout line-${line}.ts`}`)
}

/** A deployment that fails for a reason which is gone when it is retried: a quota of the namespace. */
const failOnce = async (): Promise<void> => {
  const quotas = '/api/v1/namespaces/shop/resourcequotas'
  const quota = { metadata: { name: 'docs' }, spec: { hard: { 'count/configmaps': '0' } } }
  expect((await e2e().cluster.api('POST', quotas, quota)).status).toBe(201)
  await expect.poll(async () => JSON.parse((await e2e().cluster.api('GET', `${quotas}/docs`)).body).status?.used).toBeDefined()
  const path = await e2e().folder({ 'notice.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: notice }\n' })
  expect((await e2e().deploy(path, 'staging')).code).toBe(10)
  expect((await e2e().cluster.api('DELETE', `${quotas}/docs`)).status).toBe(200)
}

beforeAll(async () => {
  folder = await e2e().folder({})
  const { url, tokenFile } = e2e().stack.server
  environment = {
    PATH: `${folder}/bin:${process.env['PATH']}`,
    KUBECONFIG: `${folder}/kubeconfig`,
    TELPHER_SERVER: url,
    TELPHER_TOKEN_FILE: tokenFile,
    TELPHER_DOCKER_SOCKET: e2e().stack.docker.socketPath,
    CI_PIPELINE_ID: 'pipeline-1',
    NO_COLOR: '1',
  }
  await prepareReader()
  await e2e().cluster.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
  const { namespace } = await e2e().place()
  await shell(`telpher target add local --from-kubeconfig local --mode client-certificate --namespace ${namespace}`)
})

test('who reads the pages one after the other can do what they say', { timeout: 600_000 }, async () => {
  expect(allPages.filter((page) => !pages.includes(page) && runnable(page).length > 0)).toEqual([])
  for (const page of pages) {
    if (page.endsWith('retry-and-roll-back.md')) await failOnce()
    for (const snippet of runnable(page)) await run(snippet)
  }
})
