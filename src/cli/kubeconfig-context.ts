import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { type ImportedContext, readKubeconfig } from '../credentials/kubeconfig.ts'
import { TelpherError } from '../model/errors.ts'
import { decodeText } from '../model/text.ts'
import type { Cli } from './context.ts'

/** Where kubectl would look, the first file of KUBECONFIG alone. */
const kubeconfigPath = (cli: Cli, file: string | undefined): string => {
  const [fromEnvironment] = (cli.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  return resolve(cli.cwd, file ?? fromEnvironment ?? join(cli.env['HOME'] ?? homedir(), '.kube/config'))
}

const readText = async (path: string): Promise<string> => {
  const text = decodeText(await readFile(path))
  if (typeof text !== 'string') throw new TelpherError('invalid_kubeconfig', `${path} is ${text.problem}`, { field: path })
  return text
}

/**
 * One context of a kubeconfig on this machine.
 * @param file the kubeconfig; where kubectl would look when undefined
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const contextOf = async (cli: Cli, context: string, file: string | undefined): Promise<ImportedContext> => {
  const path = kubeconfigPath(cli, file)
  const content = await readText(path).catch((cause: unknown) => {
    if (cause instanceof TelpherError) throw cause
    throw new TelpherError('invalid_kubeconfig', `${path} cannot be read: name another with --file`, { cause, field: '--file' })
  })
  return readKubeconfig(content, context)
}
