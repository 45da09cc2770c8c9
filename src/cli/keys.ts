import { resolve } from 'node:path'
import { makeKeyFile } from '../credentials/keyfile.ts'
import type { MasterKeyUse } from '../model/credential.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'

const words = { seals: 'seals and opens', opens: 'opens', missing: 'not on the server' } as const

const tableOf = (keys: readonly MasterKeyUse[]): string =>
  table(
    ['KEY', 'USE', 'ACCOUNTS', 'SECRETS'],
    keys.map(({ kid, use, accounts, secrets }) => [kid, words[use], String(accounts), String(secrets)]),
  )

const sayWhatIsLeft = (cli: Cli, keys: readonly MasterKeyUse[]): void => {
  for (const { kid, use, accounts, secrets } of keys) {
    const sealed = accounts + secrets
    if (use === 'missing') cli.say(`What is sealed with ${kid} cannot be opened: name its file in TELPHER_OLDER_KEY_FILES.`)
    else if (use === 'opens' && sealed > 0)
      cli.say(`${sealed} records are still sealed with ${kid}; seal them anew with: telpher keys rotate`)
    else if (use === 'opens') cli.say(`Nothing is sealed with ${kid}: an hour from now its file can go from TELPHER_OLDER_KEY_FILES.`)
  }
}

/** `telpher keys list`. */
export const runKeysList: Command<object> = async (cli) => {
  const keys = await (await cli.client()).keys()
  await print(cli, keys, () => tableOf(keys))
  sayWhatIsLeft(cli, keys)
  return exitCodes.ok
}

/** `telpher keys add FILE`: no server is needed. */
export const runKeysAdd: Command<object> = async (cli, [name = '']) => {
  const file = resolve(cli.cwd, name)
  const { kid } = await makeKeyFile(file)
  await print(cli, { file, kid }, () => `${file} holds a new key, ${kid}\n`)
  cli.say('Every server must open with it before one of them seals with it: docs/how-to/change-the-master-key.md')
  return exitCodes.ok
}

/** `telpher keys rotate`. */
export const runKeysRotate: Command<object> = async (cli) => {
  const rotated = await (await cli.client()).rotateKeys()
  await print(cli, rotated, () => `${rotated.resealed} records sealed anew\n${tableOf(rotated.keys)}`)
  sayWhatIsLeft(cli, rotated.keys)
  if (rotated.damaged.length === 0) return exitCodes.ok
  cli.say(
    `Changed since they were sealed, and left as they are: ${rotated.damaged.join(', ')}. Remove and add their targets, or set the secrets, again.`,
  )
  return exitCodes.failed
}
