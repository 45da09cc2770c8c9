import { resolve } from 'node:path'
import { makeKeyFile } from '../credentials/keyfile.ts'
import { inWords, type MasterKeyUse, sealedKinds } from '../model/credential.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'

const words = { seals: 'seals and opens', opens: 'opens', missing: 'not on the server', dropped: 'dropped' } as const

const tableOf = (keys: readonly MasterKeyUse[]): string =>
  table(
    ['KEY', 'USE', ...sealedKinds.map((kind) => kind.toUpperCase())],
    keys.map((key) => [key.kid, words[key.use], ...sealedKinds.map((kind) => String(key[kind]))]),
  )

const removeFile = (kid: string): string =>
  `Take the file of ${kid} out of TELPHER_OLDER_KEY_FILES on every server, restart them, and remove it; keep a copy beside backups that were made under it.`

/** What is to be done about a key, if anything. */
const adviceOn = (key: MasterKeyUse): string | undefined => {
  const { kid, use } = key
  const sealed = inWords(key)
  if (use === 'seals') return undefined
  if (use === 'missing') return `What is sealed with ${kid} cannot be opened: name its file in TELPHER_OLDER_KEY_FILES.`
  if (use === 'dropped')
    return sealed === ''
      ? removeFile(kid)
      : `${kid} was dropped, and yet a server seals with it (${sealed}): restart that one with the key of the others, and run: telpher keys rotate`
  return sealed === ''
    ? `Nothing is sealed with ${kid}: let it go with: telpher keys drop ${kid}`
    : `Still sealed with ${kid}: ${sealed}; seal them anew with: telpher keys rotate`
}

const sayWhatIsLeft = (cli: Cli, keys: readonly MasterKeyUse[]): void => {
  for (const advice of keys.map(adviceOn)) if (advice !== undefined) cli.say(advice)
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

/** `telpher keys drop KEY`. */
export const runKeysDrop: Command<object> = async (cli, [kid = '']) => {
  const dropped = await (await cli.client()).dropKey(kid)
  await print(cli, dropped, () => `${dropped.kid} is dropped\n`)
  cli.say(removeFile(dropped.kid))
  return exitCodes.ok
}
