import type { KubeObject } from '../../src/model/verdict.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { adminConnection, judge, mergePatch, startWriting } from '../integration/cluster/subject.ts'
import { eventually } from '../support/eventually.ts'
import { type Figure, median, rounded } from './figures.ts'

const group = 'bench.telpher.dev'
const collection = `/apis/${group}/v1/namespaces/default/parts`

/** A kind without a controller: so it is the benchmark that says when an object becomes ready. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `parts.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'parts', singular: 'part', kind: 'Part' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

const part = (name: string): KubeObject => ({ apiVersion: `${group}/v1`, kind: 'Part', metadata: { name, namespace: 'default' } })

const setReady = (cluster: Cluster, name: string, ready: boolean): Promise<unknown> =>
  mergePatch(cluster, `${collection}/${name}/status`, { status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } })

/** From the sending of the last change until the verdict is there, in ms: the API server's own time for the change is part of it. */
const lagOf = async (cluster: Cluster, run: number): Promise<number> => {
  const connection = adminConnection(cluster)
  const names = [1, 2, 3].map((count) => `part-${run}-${count}`)
  try {
    const writing = startWriting(cluster)
    for (const name of names) {
      await writing.create(part(name))
      await setReady(cluster, name, false)
    }
    let watched = 0
    const judged = judge(connection, writing, { onProgress: (objects) => (watched = objects.length) }).then(({ outcome }) => {
      if (outcome !== 'current') throw new Error(`the verdict was ${outcome}`)
      return performance.now()
    })
    await eventually(() => watched === names.length)
    for (const name of names.slice(1)) await setReady(cluster, name, true)
    const changedAt = performance.now()
    await setReady(cluster, names[0] ?? '', true)
    return (await judged) - changedAt
  } finally {
    connection.close()
    for (const name of names) await cluster.api('DELETE', `${collection}/${name}`)
  }
}

/** `verify.verdict_lag_ms`: three custom objects on a real API server become ready one after the other. */
export const verifySuite = async ({ cluster, runs }: { readonly cluster: Cluster; readonly runs: number }): Promise<Figure[]> => {
  await cluster.apply(definition)
  await eventually(async () => (await cluster.api('GET', collection)).status === 200)
  const lags: number[] = []
  for (let run = 0; run < runs; run++) lags.push(await lagOf(cluster, run))
  return [{ id: 'verify.verdict_lag_ms', value: rounded(median(lags)), unit: 'ms', runs }]
}
