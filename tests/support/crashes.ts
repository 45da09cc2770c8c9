import { glob, readFile } from 'node:fs/promises'

/** What node says last when an error that nobody caught ends the process, after the error itself. */
const farewell = /\nNode\.js v\d+\.\d+\.\d+\s*$/m

/**
 * Which servers and workers an error ended that nobody caught: another one may have taken over, so that nobody noticed.
 * @param dir their state folder, with their logs at any depth
 * @returns a text for each log that says so, with its end
 */
export const crashesIn = async (dir: string): Promise<string[]> => {
  const found: string[] = []
  // What the control plane wrote is long, and not ours.
  for await (const file of glob('**/*.log', { cwd: dir, exclude: ['kubernetes'] })) {
    const text = await readFile(`${dir}/${file}`, 'utf8').catch(() => '')
    const at = text.search(farewell)
    if (at >= 0) found.push(`${file} ends with an error that nobody caught:\n${text.slice(Math.max(0, at - 3000), at)}`)
  }
  return found
}
