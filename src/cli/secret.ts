import type { SecretSummary } from '../model/stepsecret.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { readSecretValue } from './secret-value.ts'
import { age } from './text.ts'

const tableOf = (secrets: readonly SecretSummary[]): string =>
  table(
    ['SECRET', 'VERSION', 'BYTES', 'FINGERPRINT', 'AGE'],
    secrets.map(({ name, version, bytes, fingerprint, updatedAt }) => [
      name,
      String(version),
      String(bytes),
      fingerprint,
      age(updatedAt, Date.now()),
    ]),
  )

/** `telpher secret list`. */
export const runSecretList: Command<object> = async (cli) => {
  const secrets = await (await cli.client()).secrets()
  await print(cli, secrets, () => (secrets.length === 0 ? '' : tableOf(secrets)))
  if (secrets.length === 0) cli.say('There are no secrets; store one with: telpher secret set NAME --file FILE')
  return exitCodes.ok
}

/** `telpher secret set NAME --file F`. */
export const runSecretSet: Command<{ readonly file: string }> = async (cli, [name = ''], { file }) => {
  const value = await readSecretValue(cli, file, name)
  const summary = await (await cli.client()).setSecret(name, value)
  await print(cli, summary, () => tableOf([summary]))
  cli.say(`Steps name it as secret:${name}; it cannot be read back.`)
  return exitCodes.ok
}

/** `telpher secret remove NAME`. */
export const runSecretRemove: Command<object> = async (cli, [name = '']) => {
  await (await cli.client()).removeSecret(name)
  await print(cli, { removed: name }, () => `${name} removed: a step that needs it fails from now on\n`)
  return exitCodes.ok
}
