import { execa } from 'execa'
import { goProgram } from './goprogram.ts'

/** What was read is told by the program beside this file, which is made of Prometheus' own parsers (promcheck/main.go). */
export interface Family {
  readonly name: string
  readonly type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM'
  readonly help: string
  readonly series: readonly Readonly<Record<string, string>>[]
  /** One for each of the series; of a histogram the number of its observations. */
  readonly values: readonly number[]
}

export interface Expression {
  readonly text: string
  readonly error?: string
  readonly selectors: readonly {
    readonly metric: string
    readonly matchers: readonly { readonly label: string; readonly type: string; readonly value: string }[]
  }[]
  /** Labels that it groups by. */
  readonly grouping: readonly string[]
}

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A span as an OpenTelemetry collector reads it. */
export interface ReadSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for none. */
  readonly parentId: string
  readonly name: string
  readonly kind: string
  readonly status: string
  readonly message: string
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly resource: Readonly<Record<string, unknown>>
}

export interface ReadInstrument {
  readonly name: string
  readonly unit: string
  readonly type: string
  readonly monotonic: boolean
  readonly points: readonly { readonly attributes: Readonly<Record<string, unknown>>; readonly value: number }[]
}

const program = `${import.meta.dirname}/promcheck`

const ask = async <T>(what: string, input: string): Promise<T> => {
  const { stdout } = await execa(await goProgram(program), [what], { input })
  return JSON.parse(stdout) as T
}

/** Builds the program, which takes a minute or more where it is not in the cache: for a hook with a time limit of its own. */
export const preparePromcheck = async (): Promise<void> => {
  await goProgram(program)
}

/** @throws Error when a line of it is not of the format */
export const readMetrics = (text: string): Promise<{ readonly families: readonly Family[]; readonly problems: readonly string[] }> =>
  ask('metrics', text)

export const readExpressions = (texts: readonly string[]): Promise<readonly Expression[]> => ask('expressions', JSON.stringify(texts))

/** @throws Error when Prometheus would not load the file */
export const readRules = (text: string): Promise<readonly AlertRule[]> => ask('rules', text)

/**
 * Evaluates the rules of a file over made-up series.
 * @param cases series in the notation of promtool's rule tests, and the moment in s from their beginning
 * @returns for each case the alerts that have something to say, whether or not they have had it for long enough
 */
export const readAlerts = (
  rules: string,
  cases: readonly { readonly load: string; readonly at: number }[],
): Promise<readonly (readonly string[])[]> => ask('alerts', JSON.stringify({ rules, cases }))

/** @throws Error when a field of it is not of the protocol */
export const readTraces = (body: string): Promise<readonly ReadSpan[]> => ask('traces', body)

/** @throws Error when a field of it is not of the protocol */
export const readInstruments = (body: string): Promise<readonly ReadInstrument[]> => ask('otlp-metrics', body)

/** The value of the series that has these labels, or undefined. */
export const sampleOf = (families: readonly Family[], name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => {
  const family = families.find((one) => one.name === name)
  const index = family?.series.findIndex((series) => Object.entries(labels).every(([label, value]) => series[label] === value)) ?? -1
  return family?.values[index]
}
