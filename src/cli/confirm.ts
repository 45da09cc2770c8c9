import { TelpherError } from '../model/errors.ts'
import type { Cli } from './context.ts'

/**
 * Asks on a terminal; anything but a yes is a no.
 * @param flag what answers it beforehand, such as `--yes`
 * @throws TelpherError usage where nobody can be asked, or somebody says no
 */
export const confirm = async (cli: Cli, question: string, flag: string): Promise<void> => {
  if (!cli.stderr.isTTY) throw new TelpherError('usage', `nobody can be asked here: ${flag} says yes beforehand`, { field: flag })
  cli.stderr.write(`${question} [y/N] `)
  let answer = ''
  for await (const chunk of cli.stdin()) {
    answer += Buffer.from(chunk).toString('utf8')
    if (answer.includes('\n')) break
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new TelpherError('usage', 'nothing was changed')
}
