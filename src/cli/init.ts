import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nameFrom } from '../client/pack.ts'
import { TelpherError } from '../model/errors.ts'
import { draftOf } from '../process/draft.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { findSteps } from './init-find.ts'
import { print } from './output.ts'
import { usualFile } from './process-file.ts'

const refuse = (cause: NodeJS.ErrnoException): never => {
  if (cause.code === 'EEXIST')
    throw new TelpherError('usage', `there is a ${usualFile} already: overwrite it with --force`, { cause, field: '--force' })
  throw new TelpherError('usage', `${usualFile} cannot be written here: ${cause.message}`, { cause })
}

/** `telpher init`: a process file for what is in this folder. */
export const runInit: Command<{ readonly force?: boolean }> = async (cli, _, { force = false }) => {
  const steps = await findSteps(cli.cwd)
  const text = draftOf(nameFrom(cli.cwd), steps.length === 0 ? [{ name: 'manifests', apply: ['./manifests'] }] : steps)
  await writeFile(join(cli.cwd, usualFile), text, { flag: force ? 'w' : 'wx' }).catch(refuse)
  await print(
    cli,
    { file: usualFile, steps },
    () => `${usualFile} written with ${steps.map(({ name }) => name).join(', ') || 'an example'}\n`,
  )
  if (steps.length === 0) cli.say('There are no manifests and no chart in this folder: put some into ./manifests, or name another path.')
  cli.say('Check it:   telpher lint\nDeploy it:  telpher deploy --target NAME')
  return exitCodes.ok
}
