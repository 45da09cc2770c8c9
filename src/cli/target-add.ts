import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { readKubeconfig } from '../credentials/kubeconfig.ts'
import { TelpherError } from '../model/errors.ts'
import { decodeText } from '../model/text.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'
import { seconds } from './seconds.ts'

interface AddFlags {
  readonly fromKubeconfig: string
  readonly file?: string
  readonly namespace?: readonly string[]
  readonly tag?: readonly string[]
  readonly pool?: string
  readonly grant?: readonly string[]
  readonly settle?: string
  readonly trials?: boolean
}

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

/** `telpher target add`: the context is read on this machine; only what a target needs is sent. */
export const runTargetAdd: Command<AddFlags> = async (cli, [name = ''], flags) => {
  const client = await cli.client()
  const path = kubeconfigPath(cli, flags.file)
  const content = await readText(path).catch((cause: unknown) => {
    if (cause instanceof TelpherError) throw cause
    throw new TelpherError('invalid_kubeconfig', `${path} cannot be read: name another with --file`, { cause, field: '--file' })
  })
  const context = await readKubeconfig(content, { context: flags.fromKubeconfig, path, readFile: readText })
  const namespaces = flags.namespace ?? []
  const isAllowed = context.namespace !== undefined && (namespaces.length === 0 || namespaces.includes(context.namespace))
  const namespace = isAllowed ? context.namespace : namespaces[0]
  const target = await client.addTarget({
    name,
    server: context.server,
    ca: context.ca,
    ...(context.tlsServerName === undefined ? {} : { tlsServerName: context.tlsServerName }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.pool === undefined ? {} : { pool: flags.pool }),
    ...(flags.settle === undefined ? {} : { settleSeconds: seconds(flags.settle, '--settle', 0) }),
    ...(flags.trials === undefined ? {} : { trials: flags.trials }),
    policy: { namespaces, ...(flags.grant === undefined ? {} : { grants: flags.grant }) },
    credential: context.credential,
  })
  await print(cli, target, () => `target ${name} added\n`)
  if (namespaces.length === 0) cli.say('It may write to every namespace that its account may: limit it with --namespace.')
  if (target.trials === true) cli.say('It is for trials: workers without isolation may run its steps. Do not use it for what matters.')
  const { expiresAt } = target.account
  if (expiresAt !== undefined)
    cli.say(`Its credential ${expiresAt > Date.now() ? 'expires' : 'expired'} at ${new Date(expiresAt).toISOString()}.`)
  cli.say(`Check it with: telpher target check ${name}`)
  return exitCodes.ok
}
