import { readInputs } from '../process/inputs.ts'
import type { ReadProcess } from '../process/parse.ts'
import { resolveSteps } from '../process/resolve.ts'
import type { Problem } from '../process/types.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'
import { placed, problemText, readProcessFile, usualFile } from './process-file.ts'
import { checkSources } from './process-pack.ts'

/** What is wrong with a process once its inputs are known, as far as they are. */
interface Looked {
  readonly problems: readonly Problem[]
  /** Steps that refer to an input without a value. */
  readonly unseen: readonly string[]
}

const inOrder = (a: Problem, b: Problem): number => a.line - b.line || a.column - b.column

/** Fills in the inputs that have a value and looks at the files of each step. @throws TelpherError usage */
export const lookInto = async (read: ReadProcess, folder: string, given: readonly string[]): Promise<Looked> => {
  const { process } = read
  const { steps, findings } = resolveSteps(process, readInputs(process, given))
  const wrong = new Set(findings.map(({ path }) => path[1]))
  const found = await Promise.all(
    steps.map(async (resolved, index) => {
      if (resolved === undefined || wrong.has(index)) return []
      const inStep = await checkSources(resolved, folder, Array.isArray(process.steps[index]?.apply))
      return inStep.map((finding) => ({ ...finding, path: ['steps', index, ...finding.path] }))
    }),
  )
  const unseen = process.steps.filter((_, index) => steps[index] === undefined).map(({ name }) => name)
  return { problems: placed(read, [...findings, ...found.flat()]).sort(inOrder), unseen }
}

/** `telpher lint`: every problem of a process file with the lines around it. Asks no server. */
export const runLint: Command<{ readonly input?: readonly string[] }> = async (cli, [file = usualFile], flags) => {
  const read = await readProcessFile(cli.cwd, file)
  const { parsed } = read
  const { problems, unseen } = parsed.ok
    ? await lookInto(parsed.read, read.folder, flags.input ?? [])
    : { problems: parsed.problems, unseen: [] }
  await print(
    cli,
    problems.map((problem) => ({ file, ...problem })),
    () => (problems.length === 0 ? `${file}: no problem\n` : problems.map((problem) => problemText(read, problem)).join('\n')),
  )
  for (const step of unseen) cli.say(`the files of step ${step} were not looked at: it refers to an input without a value (--input)`)
  if (problems.length > 0) cli.say(`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${file}`)
  return problems.length === 0 ? exitCodes.ok : exitCodes.usage
}
