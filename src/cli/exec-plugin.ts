import { dirname, resolve } from 'node:path'
import { execa } from 'execa'
import type { PlainCredential } from '../credentials/account.ts'
import { credentialPrinted, type ExecPlugin } from '../credentials/exec-plugin.ts'
import { harmless } from '../credentials/harmless.ts'
import type { Place } from '../credentials/kubeconfig.ts'
import { TelpherError } from '../model/errors.ts'
import { quoted } from '../model/shell.ts'
import { confirm } from './confirm.ts'
import type { Cli } from './context.ts'

/** Long enough for somebody who logs in by a browser. */
const deadlineMs = 300_000
const largestAnswer = 1024 * 1024

/** Without the values of its variables: they may be secrets, and what is printed goes into logs. */
const lineOf = ({ command, args, env }: ExecPlugin): string =>
  harmless([...Object.keys(env).map((name) => `${name}=…`), ...[command, ...args].map(quoted)].join(' '))

/** What the program is told (client.authentication.k8s.io/v1, ExecCredentialSpec). */
const toldOf = (plugin: ExecPlugin, place: Place, interactive: boolean): string =>
  JSON.stringify({
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: {
      interactive,
      ...(plugin.provideClusterInfo
        ? {
            cluster: {
              server: place.server,
              ...(place.tlsServerName === undefined ? {} : { 'tls-server-name': place.tlsServerName }),
              ...(place.ca === '' ? {} : { 'certificate-authority-data': Buffer.from(place.ca).toString('base64') }),
            },
          }
        : {}),
    },
  })

const run = async (cli: Cli, plugin: ExecPlugin, place: Place, folder: string): Promise<string> => {
  const interactive = cli.stderr.isTTY && plugin.interactiveMode !== 'Never'
  if (plugin.interactiveMode === 'Always' && !interactive)
    throw new TelpherError('kubeconfig_plugin', 'the program asks its user something, and nobody can be asked here')
  // As kubectl: with a slash it is a path, beside the kubeconfig where it is relative; else it is looked for in PATH.
  const file = plugin.command.includes('/') ? resolve(folder, plugin.command) : plugin.command
  const ran = await execa(file, plugin.args, {
    extendEnv: false,
    env: { ...cli.env, ...plugin.env, KUBERNETES_EXEC_INFO: toldOf(plugin, place, interactive) },
    stdin: interactive ? 'inherit' : 'ignore',
    // Logins show their address and code there.
    stderr: interactive ? ['inherit', 'pipe'] : 'pipe',
    cwd: cli.cwd,
    timeout: deadlineMs,
    maxBuffer: largestAnswer,
    reject: false,
  })
  if (!ran.failed) return ran.stdout
  if (ran.code === 'ENOENT') {
    const hint = plugin.installHint === undefined ? '' : `: ${harmless(plugin.installHint.slice(0, 1000))}`
    throw new TelpherError('kubeconfig_plugin', `${harmless(plugin.command)} is not installed${hint}`)
  }
  const how = ran.timedOut
    ? `did not end within ${deadlineMs / 1000} s`
    : ran.isMaxBuffer
      ? 'printed more than 1 MiB'
      : ran.signal === undefined
        ? `ended with ${ran.exitCode ?? ran.code}`
        : `ended by ${ran.signal}`
  const last = ran.stderr.trim().split('\n').at(-1) ?? ''
  throw new TelpherError('kubeconfig_plugin', `${harmless(plugin.command)} ${how}${last === '' ? '' : `: ${harmless(last.slice(0, 500))}`}`)
}

/**
 * Runs the program that a context's user has in place of a credential, once and as kubectl would, after a yes.
 * @param options.path of the kubeconfig
 * @param options.yes whether it was said beforehand
 * @returns the credential; it goes to the API server of the context and nowhere else
 * @throws TelpherError usage without a yes; kubeconfig_plugin when it gives no credential
 */
export const runExecPlugin = async (
  cli: Cli,
  plugin: ExecPlugin,
  place: Place,
  { path, yes }: { readonly path: string; readonly yes: boolean },
): Promise<PlainCredential> => {
  cli.say(`The context gets its credential from a program of this machine:\n  ${lineOf(plugin)}`)
  if (!yes) await confirm(cli, 'Run it?', '--run-plugin')
  return credentialPrinted(plugin, await run(cli, plugin, place, dirname(path)))
}
