import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isBundle } from '../credentials/pem.ts'
import { TelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { print, yamlOf } from './output.ts'
import { proveFromPool } from './target-prove.ts'

interface EditFlags {
  readonly server?: readonly string[]
  readonly ca?: string
  readonly addCa?: string
  readonly tlsServerName?: string
}

/** How long a worker of the pool is waited for, in ms. */
const patienceMs = 30_000

const authoritiesOf = async (cli: Cli, file: string, field: string): Promise<string> => {
  const pem = await readFile(resolve(cli.cwd, file), 'utf8').catch((cause: unknown) => {
    throw new TelpherError('usage', `${file} cannot be read`, { cause, field })
  })
  if (!isBundle(pem)) throw new TelpherError('usage', `${file}: not certificates in PEM`, { field })
  return pem.endsWith('\n') ? pem : `${pem}\n`
}

/** `telpher target edit NAME`: changed, then tried from the pool. */
export const runTargetEdit: Command<EditFlags> = async (cli, [name = ''], { server, ca, addCa, tlsServerName }) => {
  if (server === undefined && ca === undefined && addCa === undefined && tlsServerName === undefined)
    throw new TelpherError('usage', 'say what is to be changed: --server, --ca, --add-ca or --tls-server-name')
  if (ca !== undefined && addCa !== undefined)
    throw new TelpherError('usage', '--ca gives all authorities, --add-ca some more: say one of them', { field: '--ca' })
  const client = await cli.client()
  const added = addCa === undefined ? undefined : await authoritiesOf(cli, addCa, '--add-ca')
  const before = added === undefined ? '' : (await client.target(name)).ca
  if (added !== undefined && before === '')
    throw new TelpherError('usage', `${name} is trusted by the roots of its workers: give all its authorities with --ca`, {
      field: '--add-ca',
    })
  const bundle = ca === undefined ? added && `${before.trimEnd()}\n${added}` : await authoritiesOf(cli, ca, '--ca')
  const [first, ...alternates] = server ?? []
  const target = await client.changeTarget(name, {
    ...(first === undefined ? {} : { server: first, alternates }),
    ...(bundle === undefined ? {} : { ca: bundle }),
    ...(tlsServerName === undefined ? {} : { tlsServerName: tlsServerName === '' ? null : tlsServerName }),
  })
  const yaml = cli.format === 'table' ? await yamlOf({ server: target.server, alternates: target.alternates ?? [] }) : ''
  await print(cli, target, () => `target ${name} changed\n${yaml}`)
  return proveFromPool(cli, client, name, patienceMs)
}
