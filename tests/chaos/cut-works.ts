import type { PlannedStep } from '../../src/client/pack.ts'
import { type LocalStep, packLocal } from '../../src/client/pack.ts'
import type { LogLine } from '../../src/model/deployment.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Work } from './cut-points.ts'

/** The namespaces of one lane: in the second one no pod may be. */
export interface Place {
  readonly namespace: string
  readonly noPods: string
}

/** What one deployment is to bring about. */
export interface Piece {
  readonly work: Work
  readonly place: Place
  /** In everything that it writes, so that nothing of an earlier one is taken for it. */
  readonly marker: string
}

const counts = { maps: 8, 'many-maps': 60, release: 6, broken: 8, 'broken-release': 4 } as const

const mapName = (work: Work, n: number): string => `${work}-${n}`

const map = (name: string, marker: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { marker } })

const mapsOf = (work: keyof typeof counts, marker: string): object[] =>
  Array.from({ length: counts[work] }, (_, n) => map(mapName(work, n), marker))

const claimName = ({ marker }: Piece): string => `claim-${marker}`

const claim = (piece: Piece): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: claimName(piece) },
  spec: { storageClassName: '', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
})

const web = (marker: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', annotations: { marker } },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web', marker } }, spec: { containers: [{ name: 'web', image: 'example.test/web:1' }] } },
  },
})

const chart = (objects: readonly object[]): Record<string, string> => ({
  'Chart.yaml': 'apiVersion: v2\nname: cut\nversion: 1.0.0\n',
  'templates/all.yaml': textOf(objects),
})

const textOf = (objects: readonly object[]): string => objects.map((object) => JSON.stringify(object)).join('\n---\n')

const filesOf = (piece: Piece): Readonly<Record<string, string>> => {
  const { work, marker } = piece
  switch (work) {
    case 'maps':
    case 'many-maps':
      return { 'all.yaml': textOf(mapsOf(work, marker)) }
    case 'broken':
      return { 'all.yaml': textOf([...mapsOf(work, marker), { ...map('broken', marker), dta: {} }]) }
    case 'claim':
    case 'unbound':
      return { 'all.yaml': textOf([claim(piece)]) }
    case 'refused':
      return { 'all.yaml': textOf([web(marker)]) }
    case 'release':
      return chart(mapsOf(work, marker))
    case 'broken-release':
      // No name that Kubernetes takes.
      return chart([...mapsOf(work, marker), map('z_Z', marker)])
  }
}

/** Time that one has, in s: what never comes is waited for so long. */
const deadlines: Partial<Record<Work, number>> = { unbound: 12 }

/** @param write writes files into a folder of their own, and says its path */
export const planPiece = async (
  piece: Piece,
  write: (files: Readonly<Record<string, string>>) => Promise<string>,
): Promise<PlannedStep> => {
  const { work, place } = piece
  const step: LocalStep = {
    path: await write(filesOf(piece)),
    name: work,
    namespace: work === 'refused' ? place.noPods : place.namespace,
    deadlineSeconds: deadlines[work] ?? 90,
    ...(work === 'refused' ? { graces: { noPods: 1 } } : {}),
    ...(work === 'release' || work === 'broken-release' ? { helm: { release: work } } : {}),
  }
  return packLocal(step, '/')
}

/** Makes what a claim waits for. */
export const bindClaim = async (piece: Piece, cluster: Cluster): Promise<void> => {
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${piece.place.namespace}-${piece.marker}` },
    spec: {
      storageClassName: '',
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Mi' },
      hostPath: { path: '/tmp' },
      claimRef: { namespace: piece.place.namespace, name: claimName(piece) },
    },
  })
}

interface Got {
  readonly items?: readonly { readonly metadata: { readonly name: string }; readonly data?: Readonly<Record<string, string>> }[]
  readonly status?: { readonly phase?: string }
}

/** Whether the cluster has what a green deployment says. What cannot end well never has. */
export const isThere = async (piece: Piece, cluster: Cluster): Promise<boolean> => {
  const { work, place, marker } = piece
  const get = async (path: string): Promise<Got> =>
    JSON.parse((await cluster.api('GET', `/api/v1/namespaces/${place.namespace}/${path}`)).body) as Got
  switch (work) {
    case 'maps':
    case 'many-maps':
    case 'release': {
      const { items = [] } = await get('configmaps')
      const markers = new Map(items.map(({ metadata, data }) => [metadata.name, data?.['marker']]))
      return Array.from({ length: counts[work] }, (_, n) => mapName(work, n)).every((name) => markers.get(name) === marker)
    }
    case 'claim':
      return (await get(`persistentvolumeclaims/${claimName(piece)}`)).status?.phase === 'Bound'
    default:
      return false
  }
}

/** What a log lacks of what the program of a green deployment must have said; empty when it is complete. */
export const missingIn = (piece: Piece, lines: readonly Pick<LogLine, 'n' | 'stream' | 'text'>[]): string[] => {
  const { work } = piece
  const said = new Set(lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text))
  const wanted =
    work === 'release'
      ? ['STATUS: deployed']
      : work === 'claim'
        ? [`persistentvolumeclaim/${claimName(piece)} serverside-applied`]
        : work === 'maps' || work === 'many-maps'
          ? Array.from({ length: counts[work] }, (_, n) => `configmap/${mapName(work, n)} serverside-applied`)
          : []
  const gaps = lines.filter(({ n }, index) => n !== index + 1).map(({ n }) => `a line before line ${n}`)
  return [...wanted.filter((text) => !said.has(text)), ...gaps.slice(0, 1)]
}

/** Takes away what would only pile up. */
export const clear = async (piece: Piece, cluster: Cluster): Promise<void> => {
  if (piece.work !== 'claim' && piece.work !== 'unbound') return
  await cluster.api('DELETE', `/api/v1/namespaces/${piece.place.namespace}/persistentvolumeclaims/${claimName(piece)}`)
  await cluster.api('DELETE', `/api/v1/persistentvolumes/${piece.place.namespace}-${piece.marker}`)
}
