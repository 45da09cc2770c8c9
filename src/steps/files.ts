import { pack } from 'tar-stream'
import type { PlanFile } from '../model/plan.ts'

/** The user that programs run as in an execution image (src/sandbox/image/recipe.ts). */
const jobUser = 65_532

/**
 * The files of a plan as one tar stream, folders first made where files need them.
 * @param files paths relative to the working directory
 */
export const tarOf = (files: readonly PlanFile[]): AsyncIterable<Uint8Array> => {
  const tar = pack()
  const owner = { uid: jobUser, gid: jobUser, mtime: new Date(0) }
  const folders = new Set<string>()
  for (const file of files) {
    const parts = file.path.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      if (folders.has(folder)) continue
      folders.add(folder)
      tar.entry({ name: folder, type: 'directory', mode: 0o700, ...owner })
    }
    tar.entry({ name: file.path, mode: file.mode, ...owner }, Buffer.from(file.content))
  }
  tar.finalize()
  return tar as AsyncIterable<Uint8Array>
}
