import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { execa } from 'execa'
import { binaryPath } from '../../src/sandbox/setup/binaries.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { packPath } from '../../src/steps/package/pack.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded } from './figures.ts'

const targets = 200
const longestMs = 600_000
const nameOf = (n: number): string => `fan-${String(n).padStart(3, '0')}`

const configMap = (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { greeting: 'hello' } })

/** Namespaces of one cluster stand in for as many clusters: nothing is shared but the API server, which does all their work here. */
const prepare = async (stack: Stack): Promise<void> => {
  const { server, caPem, admin } = stack.cluster
  const names = Array.from({ length: targets }, (_, n) => nameOf(n))
  const namespaces = names.map((name) => JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })).join('\n---\n')
  await execa(binaryPath('kubectl'), ['apply', '--server-side', '-f', '-'], {
    input: namespaces,
    env: { KUBECONFIG: stack.cluster.kubeconfig },
  })
  const client = await clientOf(stack)
  const credential = { kind: 'client-certificate' as const, certificate: admin.certPem, key: admin.keyPem }
  for (const name of names) await client.addTarget({ name, server, ca: caPem, namespace: name, tags: ['fan'], credential })
}

/** Seconds from the request to the result, by the server's own clock: whoever follows 200 jobs takes time of its own. */
const secondsOf = async (stack: Stack, where: { readonly targets?: string[]; readonly tag?: string }): Promise<number> => {
  const client = await clientOf(stack)
  const folder = `${stack.dir}/bench/fan`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/objects.yaml`, ['one', 'two', 'three'].map((name) => JSON.stringify(configMap(name))).join('\n---\n'))
  const { bytes, sha256 } = await packPath(folder)
  await client.uploadPackage(bytes, sha256)
  const started = await client.deploy({ steps: [{ kind: 'apply', name: 'fan', package: sha256 }], ...where }, randomUUID())
  const { id } = started.deployment
  for await (const event of client.events(id, { signal: AbortSignal.timeout(longestMs) }))
    if (event.type === 'deployment' && event.state === 'finished') break
  const { deployment } = await client.deployment(id)
  if (deployment.result !== 'success') throw new Error(`${id} ended as ${deployment.result}`)
  return ((deployment.endedAt ?? Number.NaN) - deployment.createdAt) / 1000
}

/** `deploy.fan_out_200`: one step to 200 targets by one worker with its usual concurrency, beside the same to one of them. */
export const fanOutSuite = async (stack: Stack, runs: number): Promise<Figure[]> => {
  await prepare(stack)
  const ones: number[] = []
  for (let run = -1; run < 5; run++) {
    const seconds = await secondsOf(stack, { targets: [nameOf(0)] })
    if (run >= 0) ones.push(seconds)
  }
  const many: number[] = []
  for (let run = 0; run < runs; run++) many.push(await secondsOf(stack, { tag: 'fan' }))
  return [
    {
      id: 'deploy.fan_out_200',
      value: rounded(median(many)),
      unit: 's',
      ratio: rounded(median(many) / median(ones)),
      peer: { name: 'one target', value: rounded(median(ones)) },
      runs,
    },
  ]
}
