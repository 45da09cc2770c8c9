import { resolve } from 'node:path'
import type { Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print } from '../output.ts'
import { type EngineFlags, imageTable, socketOf } from './engine.ts'

/** `telpher image load FILE`: images from a file into the engine here. */
export const runImageLoad: Command<EngineFlags> = async (cli, [file = ''], flags) => {
  const { localImages } = await import('../../sandbox/image/local.ts')
  const loaded = await localImages(await socketOf(cli, flags)).loadFile(resolve(cli.cwd, file))
  await print(cli, loaded, () => imageTable(loaded))
  return exitCodes.ok
}
