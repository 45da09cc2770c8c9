import type { CounterName, GaugeName, HistogramName, LabelsOf, MetricName } from './names.ts'
import { type Counting, type MetricSpec, metricTable } from './table.ts'

/** What one process counts, and how that is told. */
export interface Registry {
  /** @param by not negative; 1 when absent */
  add<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by?: number): void
  /** A counter that is kept elsewhere, as it stands. */
  count<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, value: number): void
  set<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, value: number): void
  /** @param value in the unit of the metric's name */
  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, value: number): void
  /** Forgets the values of a gauge, so that what is no longer there is not told. */
  clear(name: GaugeName): void
  /** The series of a counter or gauge as they stand. */
  samples(name: CounterName | GaugeName): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
  /** Everything in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
  text(): string
}

/** A series: the labels as they are written, and what was counted. */
interface Series {
  readonly labels: readonly (readonly [name: string, value: string])[]
  value: number
  /** Of a histogram: observations at most as large as each bound, not added up. */
  readonly counts: number[]
  total: number
}

type Labels = Readonly<Record<string, string>>

/** The content type of what `text` gives. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
const escapedHelp = (help: string): string => help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

const numberOf = (value: number): string => {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

const line = (name: string, labels: Series['labels'], value: number): string => {
  const text = labels.map(([label, said]) => `${label}="${escaped(said)}"`).join(',')
  return `${name}${text === '' ? '' : `{${text}}`} ${numberOf(value)}`
}

const histogramLines = (name: string, { labels, value, counts, total }: Series, buckets: readonly number[]): string[] => {
  let sum = 0
  const bounds = buckets.map((bound, index) => {
    sum += counts[index] ?? 0
    return line(`${name}_bucket`, [...labels, ['le', numberOf(bound)]], sum)
  })
  return [
    ...bounds,
    line(`${name}_bucket`, [...labels, ['le', '+Inf']], total),
    line(`${name}_sum`, labels, value),
    line(`${name}_count`, labels, total),
  ]
}

/** The metrics of one process. @param process which of them it tells: those of another kind of process are not there */
export const createRegistry = (process: Counting): Registry => {
  const specs = new Map<string, MetricSpec>(
    Object.entries(metricTable).filter(([, spec]) => (spec.of as readonly string[]).includes(process)),
  )
  const all = new Map<string, Map<string, Series>>([...specs.keys()].map((name) => [name, new Map()]))

  /** Undefined for a metric that this kind of process does not have. */
  const seriesOf = (name: MetricName, given: Labels): Series | undefined => {
    const [spec, series] = [specs.get(name), all.get(name)]
    if (spec === undefined || series === undefined) return undefined
    const labels = spec.labels.map((label) => [label, given[label] ?? ''] as const)
    const key = JSON.stringify(labels)
    const known = series.get(key)
    if (known !== undefined) return known
    const made: Series = { labels, value: 0, counts: (spec.buckets ?? []).map(() => 0), total: 0 }
    series.set(key, made)
    return made
  }
  for (const [name, spec] of specs) for (const labels of spec.start ?? []) seriesOf(name as MetricName, labels)

  const put = (name: MetricName, labels: Labels, value: number): void => {
    const series = seriesOf(name, labels)
    if (series !== undefined) series.value = value
  }
  return {
    add(name, labels, by = 1) {
      const series = seriesOf(name, labels)
      if (series !== undefined) series.value += by
    },
    count: put,
    set: put,
    observe(name, labels, value) {
      const series = seriesOf(name, labels)
      if (series === undefined) return
      const index = (specs.get(name)?.buckets ?? []).findIndex((bound) => value <= bound)
      if (index >= 0) series.counts[index] = (series.counts[index] ?? 0) + 1
      series.value += value
      series.total++
    },
    samples: (name) => [...(all.get(name)?.values() ?? [])].map(({ labels, value }) => ({ labels: Object.fromEntries(labels), value })),
    clear: (name) => all.get(name)?.clear(),
    text: () =>
      [...specs]
        .flatMap(([name, { type, help, buckets = [] }]) => {
          const series = [...(all.get(name)?.values() ?? [])]
          if (series.length === 0) return []
          const lines = series.flatMap((one) =>
            type === 'histogram' ? histogramLines(name, one, buckets) : [line(name, one.labels, one.value)],
          )
          return [`# HELP ${name} ${escapedHelp(help)}`, `# TYPE ${name} ${type}`, ...lines]
        })
        .map((one) => `${one}\n`)
        .join(''),
  }
}
