import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { type ImportedContext, type Place, readKubeconfig, readKubeconfigWith, readPlace } from '../credentials/kubeconfig.ts'
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

/** Where a context is. */
export interface ContextFlags {
  /** The kubeconfig; where kubectl would look when undefined. */
  readonly file?: string
  /** Says yes beforehand to the program that gives the context's credential. */
  readonly runPlugin?: boolean
}

const readFileOf = async (cli: Cli, file: string | undefined): Promise<{ path: string; content: string }> => {
  const path = kubeconfigPath(cli, file)
  const content = await readText(path).catch((cause: unknown) => {
    if (cause instanceof TelpherError) throw cause
    throw new TelpherError('invalid_kubeconfig', `${path} cannot be read: name another with --file`, { cause, field: '--file' })
  })
  return { path, content }
}

/**
 * One context of a kubeconfig on this machine, whose credential is kept: a program would give one for minutes only.
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const contextOf = async (cli: Cli, context: string, { file }: ContextFlags): Promise<ImportedContext> =>
  readKubeconfig((await readFileOf(cli, file)).content, context)

/**
 * Where a context of a kubeconfig on this machine leads, for who brings another credential.
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const placeOf = async (cli: Cli, context: string, { file }: ContextFlags): Promise<Place> =>
  readPlace((await readFileOf(cli, file)).content, context)

/**
 * One context of a kubeconfig on this machine, whose credential is used once and dropped: a program that gives it is run after a yes.
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin, usage
 */
export const adminContextOf = async (cli: Cli, context: string, { file, runPlugin = false }: ContextFlags): Promise<ImportedContext> => {
  const { path, content } = await readFileOf(cli, file)
  return readKubeconfigWith(content, context, async (plugin, place) => {
    const { runExecPlugin } = await import('./exec-plugin.ts')
    return runExecPlugin(cli, plugin, place, { path, yes: runPlugin })
  })
}
