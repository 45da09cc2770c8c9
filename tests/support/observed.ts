import { readFile } from 'node:fs/promises'
import type { Expression } from './promcheck.ts'

interface Panel {
  readonly targets?: readonly { readonly expr: string }[]
}

/** What the panels of the Grafana dashboard ask, with its variables replaced by what they may be. */
export const dashboardExpressions = async (): Promise<readonly string[]> => {
  const text = await readFile(new URL('../../containers/grafana/telpher.json', import.meta.url), 'utf8')
  const { panels, templating } = JSON.parse(text) as { panels: readonly Panel[]; templating: { list: readonly { definition?: string }[] } }
  const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const listed = templating.list.flatMap(({ definition }) => definition?.match(/^label_values\((\w+), (\w+)\)$/)?.slice(1) ?? [])
  const variables = listed.length === 0 ? [] : [`count by (${listed[1]}) (${listed[0]})`]
  return [...asked, ...variables].map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$pool', '.*'))
}

/** The metrics that an expression uses, by their names in the exposition, with every label that it names for them. */
export const seriesOf = ({
  text,
  selectors,
  grouping,
}: Expression): readonly { readonly metric: string; readonly labels: readonly string[]; readonly text: string }[] =>
  selectors.map(({ metric, matchers }) => ({
    metric: metric.replace(/_(?:bucket|sum|count)$/, ''),
    labels: [...new Set([...matchers.map(({ label }) => label), ...(selectors.length === 1 ? grouping : [])])].filter(
      (label) => label !== 'le',
    ),
    text,
  }))
