import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadKeyFile } from '../../src/credentials/keyfile.ts'
import { unseal } from '../../src/credentials/seal.ts'
import type { Job } from '../../src/model/deployment.ts'
import { openStore } from '../../src/store/index.ts'
import { newCanary, searchFor, watchRunning } from '../support/canaries.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { detailOf } from '../support/faults.ts'
import { packedIn } from '../support/rediswalk.ts'
import { begin, clientOf, configMaps, holderOf, midApply } from '../support/running.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'
import { strayRecords } from '../support/sealed.ts'

let e2e: Awaited<ReturnType<typeof startE2e>>
beforeAll(async () => {
  e2e = await startE2e({ workers: 2, cluster: await sharedCluster('none') })
})
afterAll(() => e2e.stop())

const many = (count: number): string[] => Array.from({ length: count }, newCanary)

/** What is planted, by where: a thousand in all. */
const planted = { accounts: many(300), kept: many(250), given: many(100), manifests: many(300), charts: many(50) }

/** A chart that does with its secrets what charts should not: it prints them, and puts one where the API server will quote it. */
const tellingChart = (count: number, broken: boolean): Readonly<Record<string, string>> => ({
  'Chart.yaml': 'apiVersion: v2\nname: telling\nversion: 1.0.0\n',
  'templates/secret.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: ${broken ? 'broken' : 'told'}}\nstringData:\n  all: {{ .Values.s | toJson | quote }}\n`,
  'templates/NOTES.txt': `{{ range $k, $v := .Values.s }}{{ $k }} is {{ $v }}, {{ $v | b64enc }}, {{ $v | urlquery }}\n{{ end }}${count}\n`,
  ...(broken ? { 'templates/map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Values.s.v0 }}"}\n' } : {}),
})

/** The same of values that are in the chart itself: nobody has said that they are secrets, but for the Secret that they go into. */
const openChart = (values: readonly string[]): Readonly<Record<string, string>> => ({
  'Chart.yaml': 'apiVersion: v2\nname: open\nversion: 1.0.0\n',
  'values.yaml': JSON.stringify({ s: values }),
  'templates/secret.yaml':
    'apiVersion: v1\nkind: Secret\nmetadata: {name: open}\nstringData:\n{{ range $n, $v := .Values.s }}  v{{ $n }}: {{ $v | quote }}\n{{ end }}',
  'templates/NOTES.txt': '{{ range .Values.s }}it is {{ . }}, {{ . | b64enc }}\n{{ end }}',
})

const manifestOf = (values: readonly string[]): string =>
  values
    .map((value, n) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: `planted-${n}` }, stringData: { password: value } }),
    )
    .join('\n---\n')

/** `--set-secret` for each of some values, from files. */
const setSecrets = async ({ folder }: E2e, values: readonly string[]): Promise<string[]> => {
  const path = await folder(Object.fromEntries(values.map((value, n) => [`v${n}`, value])))
  return values.flatMap((_, n) => ['--set-secret', `s.v${n}=@${join(path, `v${n}`)}`])
}

/** Every answer of the API to a GET, as far as its pages go. */
const answers = async (ids: readonly { readonly deployment: string; readonly job: string }[]): Promise<string[]> => {
  const { url, tokenFile } = e2e.stack.server
  const headers = { authorization: `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}` }
  const get = async (path: string): Promise<string> => {
    const signal = AbortSignal.timeout(10_000)
    const answer = await fetch(`${url}${path}`, { headers, signal })
    if (answer.headers.get('content-type')?.includes('event-stream') !== true) return answer.text()
    // Everything that has been is said at once; the stream itself stays open.
    const decoder = new TextDecoder()
    let text = ''
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true })
      if (text.includes('event: end') || text.includes('finished')) break
    }
    return text
  }
  const [first, second] = ids
  const general = [
    '/v1/accounts',
    '/v1/audit',
    '/v1/audit/verify',
    '/v1/backup',
    '/v1/enrolments',
    `/v1/deployments/${first?.deployment}/diff?with=${second?.deployment}`,
    '/v1/targets',
    '/v1/secrets',
    '/v1/deployments?limit=100',
    '/v1/workers',
    '/v1/pools',
    '/v1/store',
    '/v1/keys',
    '/v1/doctor',
  ]
  const each = ids.flatMap(({ deployment, job }) => [
    `/v1/deployments/${deployment}`,
    `/v1/deployments/${deployment}/events`,
    `/v1/deployments/${deployment}/jobs/${job}/log?from=1`,
    `/v1/deployments/${deployment}/jobs/${job}/ledger`,
  ])
  return Promise.all([...general, '/v1/freezes', '/v1/producers', '/v1/images/pins', '/metrics', '/openapi.json', ...each].map(get))
}

/** The signatures of the token that an attempt has now and of its target's own: what stands before them all tokens of a cluster have. */
const tokensOf = async ({ deploymentId, jobId, attempt, target }: Job): Promise<string[]> => {
  const { dir, redis } = e2e.stack
  const [key, store] = [await loadKeyFile(join(dir, 'master.key')), await openStore({ url: redis.url })]
  const { account } = await store.targets.get(target)
  const grant = await store.grants.get({ deploymentId, jobId, attempt })
  const records = [unseal(key, await store.accounts.get(account.id), account.id), grant && unseal(key, grant, `${jobId}/${attempt}`)]
  await store.close()
  return records.map((text = '') => /eyJ[\w-]+\.[\w-]+\.([\w-]{60,})/.exec(text)?.[1] ?? '')
}

/**
 * A thousand secrets are planted, the mixed load quotes and prints them, a worker is killed, and then everything that Telpher shows, writes or
 * keeps is searched. What a program of the cluster keeps of them (etcd) is not ours.
 */
test('no planted secret is anywhere but where it was put, sealed, and in the cluster', { timeout: 280_000 }, async () => {
  const since = Date.now()
  const { stack, cluster } = e2e
  const search = searchFor(Object.values(planted).flat())
  const namespace = await freshNamespace(cluster)
  const client = await clientOf(e2e)
  const home = `home-${namespace}`
  const context = ['--from-kubeconfig', 'local', '--file', cluster.kubeconfig]
  const added = await e2e.cli('target', 'add', home, ...context, '--namespace', namespace, '--home', home, '--yes')
  expect(added, added.stderr).toMatchObject({ code: 0 })
  const stopWatching = watchRunning(search, stack.docker.socketPath)

  for (const [n, token] of planted.accounts.entries())
    await client.addTarget({ name: `never-${n}`, server: 'https://127.0.0.1:1', pool: 'nowhere', credential: { kind: 'bearer', token } })
  for (const [n, value] of planted.kept.entries()) await client.setSecret(`kept-${n}`, value)

  const helm = async (values: readonly string[], broken: boolean) =>
    e2e.deploy(
      await e2e.folder(tellingChart(values.length, broken)),
      home,
      '--helm',
      broken ? 'broken' : 'told',
      '--namespace',
      namespace,
      ...(await setSecrets(e2e, values)),
      ...(broken ? [] : ['--set-secret', 's.kept=secret:kept-0']),
    )
  const told = await helm(planted.given.slice(0, 49), false)
  const broken = await helm(planted.given.slice(50), true)
  const open = await e2e.deploy(await e2e.folder(openChart(planted.charts)), home, '--helm', 'open', '--namespace', namespace)
  const input = await e2e.folder({ 'secrets.yaml': manifestOf(planted.manifests) })
  const applied = await e2e.deploy(input, home, '--namespace', namespace)
  // A Secret whose value is not base64: the API server refuses it, and kubectl may print what it sent.
  const wrong = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'wrong' }, data: { password: planted.manifests[0] } })
  const refused = await e2e.deploy(await e2e.folder({ 'wrong.yaml': wrong }), home, '--namespace', namespace)
  const running = await begin(
    e2e,
    await e2e.folder({ ...configMaps(200), 'secrets.yaml': manifestOf(planted.manifests) }),
    home,
    '--namespace',
    namespace,
  )
  const job = await midApply(e2e, running, namespace)
  const tokens = await tokensOf(job)
  expect(tokens.map((token) => token.length > 0)).toEqual([true, true])
  search.learn(tokens)
  ;(await holderOf(e2e, job)).kill('SIGKILL')
  const recovered = await running.ended

  expect([told, broken, open, applied, refused, recovered].map(({ code }) => code)).toEqual([0, 10, 0, 0, 10, 0])
  expect(await stopWatching()).toBeGreaterThan(20)
  const log = await e2e.cli('logs', detailOf(told).deployment.id)
  expect(log.stdout.match(/\*{8}/g)?.length).toBeGreaterThan(100)
  expect((await e2e.cli('logs', detailOf(open).deployment.id)).stdout.match(/it is \*{8}, \*{8}/g)).toHaveLength(50)

  for (const ran of [told, broken, open, applied, refused, recovered, log]) search.text('what the CLI prints', ran.stdout + ran.stderr)
  const ids = [told, broken, open, applied, refused, recovered].flatMap((ran) =>
    detailOf(ran).jobs.map(({ deploymentId, jobId }) => ({ deployment: deploymentId, job: jobId })),
  )
  for (const answer of await answers(ids)) search.text('an answer of the API', answer)
  await search.redis(stack.redis.url)
  expect(await strayRecords(stack.redis.url)).toEqual([])
  await stack.redis.command('SAVE')
  const isInput = (path: string): boolean => path.startsWith(`${stack.dir}/folder-`)
  await search.files(stack.dir, { except: isInput })
  const { DockerRootDir } = (await new Dockerode({ socketPath: stack.docker.socketPath }).info()) as { DockerRootDir: string }
  await search.files(DockerRootDir, { since })
  await search.files(dirname(stack.docker.socketPath), { since })
  await search.files(tmpdir(), {
    since,
    except: (path) => path.startsWith(stack.dir) || path.includes('/kubernetes/') || path.includes('telpher-test-'),
  })
  expect(search.looked()).toBeGreaterThan(1_000_000)
  expect(search.finds()).toEqual([])
})

test('the search finds what is there, in each form', () => {
  const [canary = ''] = many(1)
  const search = searchFor([canary])
  search.text('plain', `x${canary}`)
  search.text('base64', Buffer.from(`ab${canary}`).toString('base64'))
  search.text('hex', Buffer.from(canary).toString('hex'))
  for (const [n, packed] of [gzipSync(canary), zstdCompressSync(canary), Buffer.from(gzipSync(canary).toString('base64'))].entries())
    for (const bytes of packedIn(Buffer.concat([Buffer.from('before'), packed, Buffer.from('"after')]))) search.text(`packed ${n}`, bytes)
  search.text('nothing', `canary-${'x'.repeat(40)}`)
  expect(search.finds()).toEqual(['plain', 'base64', 'hex', 'packed 0', 'packed 1', 'packed 2'])
})
