import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { TelpherError } from '../model/errors.ts'

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * Where a program is, by the rule of execvp(3): the first folder that has it as an executable file.
 * @param path folders joined by colons; empty parts, which would mean the current folder, are left out
 * @throws TelpherError program_missing
 */
export const findProgram = (name: string, path: string): string => {
  const found = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isProgram)
  if (found === undefined) throw new TelpherError('program_missing', `${name} is not in the PATH of jobs: ${path}`, { field: name })
  return found
}
