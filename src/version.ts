import { readFileSync } from 'node:fs'

/** From the sources the package lies one level up, from dist/ two. */
const locations = ['../package.json', '../../package.json']

const read = (): string => {
  for (const location of locations) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(location, import.meta.url), 'utf8'))
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version)
    } catch {
      // Not there: the next location is tried.
    }
  }
  return '0.0.0'
}

/** The version of this installation, from package.json. */
export const version: string = read()
