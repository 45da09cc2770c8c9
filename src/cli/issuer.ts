import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { discoveryDocument, documentPaths, keySet } from '../credentials/federation/documents.ts'
import { authenticationConfiguration } from '../credentials/federation/trust.ts'
import { TelpherError } from '../model/errors.ts'
import type { Federation } from '../model/federation.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'
import { type IssuerFlags, trustOptionsOf, trustText } from './target-federated.ts'

/** @param wanted names; all of the mode federated when empty @throws TelpherError unknown_target */
const federationsOf = async (cli: Cli, wanted: readonly string[]): Promise<ReadonlyMap<string, Federation>> => {
  const found = new Map<string, Federation>()
  for (const { name, account } of await (await cli.client()).targets())
    if (account.federation !== undefined) found.set(name, account.federation)
  for (const name of wanted)
    if (!found.has(name)) throw new TelpherError('unknown_target', `there is no target ${name} of the mode federated`)
  return wanted.length === 0 ? found : new Map([...found].filter(([name]) => wanted.includes(name)))
}

/** `telpher issuer config [targets...]`. */
export const runIssuerConfig: Command<IssuerFlags> = async (cli, wanted, flags) => {
  const trust = await trustOptionsOf(cli, flags)
  const federations = [...(await federationsOf(cli, wanted)).values()]
  const text = await trustText(federations, trust)
  await print(cli, authenticationConfiguration(federations, trust), () => text)
  return exitCodes.ok
}

/** `telpher issuer export DIR`: the same documents that the server serves, for a web server that API servers can reach. */
export const runIssuerExport: Command<object> = async (cli, [dir = '']) => {
  const written: { readonly file: string }[] = []
  for (const [name, federation] of await federationsOf(cli, [])) {
    const documents = [
      [documentPaths.discovery, discoveryDocument(federation)],
      [documentPaths.keys, keySet(federation)],
    ] as const
    for (const [path, document] of documents) {
      const file = join(resolve(cli.cwd, dir), 'issuers', name, path)
      await mkdir(join(file, '..'), { recursive: true })
      await writeFile(file, `${JSON.stringify(document)}\n`)
      written.push({ file })
    }
  }
  await print(cli, written, () => [...written.map(({ file }) => file), `${written.length} documents written`, ''].join('\n'))
  if (written.length === 0) cli.say('No target is of the mode federated.')
  else
    cli.say(
      'Serve this folder at the address of TELPHER_ISSUER_URL, with Cache-Control: max-age=60, and export it again when targets are added.',
    )
  return exitCodes.ok
}
