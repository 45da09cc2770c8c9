import type { FieldChange, FileChange, Outcome, PackageChange, RunDiff } from '../model/rundiff.ts'
import { wordOf } from './block.ts'
import type { Palette } from './color.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { safe, span } from './text.ts'

const mark = { added: '+', removed: '-', changed: '~' } as const

const fieldLines = (changes: readonly FieldChange[], indent: string): string[] =>
  changes.map(({ field, a = '(none)', b = '(none)' }) => safe(`${indent}${field}: ${a} → ${b}`))

const diffLine = (line: string, paint: Palette): string => {
  const text = `      ${safe(line)}`
  return line.startsWith('+') ? paint.green(text) : line.startsWith('-') ? paint.red(text) : text
}

const fileLines = (file: FileChange, paint: Palette): string[] => {
  const sums = file.a === undefined && file.b === undefined ? '' : `  ${file.a?.slice(0, 12) ?? '–'} → ${file.b?.slice(0, 12) ?? '–'}`
  return [
    safe(`    ${mark[file.change]} ${file.path}${sums}${file.note === undefined ? '' : `  (${file.note})`}`),
    ...(file.diff ?? []).map((line) => diffLine(line, paint)),
  ]
}

const packageLines = (change: PackageChange | undefined, paint: Palette): string[] =>
  change === undefined
    ? []
    : [
        `  package: ${change.a.slice(0, 12)} → ${change.b.slice(0, 12)}${change.note === undefined ? '' : `  (${safe(change.note)})`}`,
        ...change.files.flatMap((file) => fileLines(file, paint)),
      ]

const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [title, ...lines, ''])
const outcome = (one: Outcome | undefined): string =>
  one === undefined ? '(none)' : `${wordOf(one.status)}${one.code === undefined ? '' : ` ${one.code}`}`
const time = (ms: number | undefined): string => (ms === undefined ? '–' : span(ms))

const diffText = (diff: RunDiff, paint: Palette): string => {
  const { request, steps, targets, results, tools, timings } = diff
  const times = [['all', time(timings.totalA), time(timings.totalB)], ...timings.steps.map(({ step, a, b }) => [step, time(a), time(b)])]
  const lines = [
    `A  ${diff.a}`,
    `B  ${diff.b}`,
    '',
    ...(diff.same ? ['Nothing but the times differs.', ''] : []),
    ...section('REQUEST', fieldLines(request, '  ')),
    ...section(
      'STEPS',
      steps.flatMap((step) => [
        safe(`${mark[step.change]} ${step.step}`),
        ...fieldLines(step.fields, '  '),
        ...packageLines(step.package, paint),
      ]),
    ),
    ...section('TARGETS', [...targets.onlyA.map((name) => `- ${name}`), ...targets.onlyB.map((name) => `+ ${name}`)]),
    ...section(
      'RESULTS',
      results.map(({ step, target, a, b }) => safe(`  ${step} → ${target}: ${outcome(a)} → ${outcome(b)}`)),
    ),
    ...section(
      'TOOLS',
      tools.flatMap(({ step, target, fields }) => [safe(`  ${step} → ${target}`), ...fieldLines(fields, '    ')]),
    ),
  ]
  return `${lines.join('\n')}\n${table(['TIMES', 'A', 'B'], times)}`
}

/** `telpher diff-runs A B`: what differs between two deployments. */
export const runDiffRuns: Command<object> = async (cli, [a = '', b = '']) => {
  const diff = await (await cli.client()).diffRuns(a, b)
  await print(cli, diff, () => diffText(diff, cli.paint))
  return exitCodes.ok
}
