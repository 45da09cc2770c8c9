import { mkdirSync, writeFileSync } from 'node:fs'
import { execa } from 'execa'
import { binaryPath } from '../../src/sandbox/setup/binaries.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { type Figure, median, rounded } from './figures.ts'
import { run } from './ours.ts'

const count = 5000

/** A folder with one file of many ConfigMaps that nobody has applied yet. */
const folderOf = (stack: Stack, name: string): string => {
  const folder = `${stack.dir}/bench/${name}`
  mkdirSync(folder, { recursive: true })
  const objects = Array.from({ length: count }, (_, at) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-${at}` }, data: { at: String(at) } }),
  )
  writeFileSync(`${folder}/objects.yaml`, objects.join('\n---\n'))
  return folder
}

/** `apply.objects_5000_vs_kubectl`: 5000 new ConfigMaps from the request to the verdict, beside kubectl on the host; in turns. */
export const objectsSuite = async ({ stack, runs }: { readonly stack: Stack; readonly runs: number }): Promise<Figure[]> => {
  const times = { ours: [] as number[], kubectl: [] as number[] }
  for (let at = 0; at < runs; at++) {
    const begun = performance.now()
    const folder = folderOf(stack, `kubectl-${at}`)
    await execa(binaryPath('kubectl'), ['apply', '--server-side', `--filename=${folder}`], {
      env: { KUBECONFIG: stack.cluster.kubeconfig },
    })
    times.kubectl.push((performance.now() - begun) / 1000)
    const name = `ours-${at}`
    times.ours.push((await run(stack, { kind: 'apply', name, path: folderOf(stack, name) }, 'bench')).ms / 1000)
  }
  return [
    {
      id: 'apply.objects_5000_vs_kubectl',
      value: rounded(median(times.ours)),
      unit: 's',
      ratio: rounded(median(times.ours) / median(times.kubectl)),
      peer: { name: 'kubectl apply --server-side on the host', value: rounded(median(times.kubectl)) },
      runs,
    },
  ]
}
