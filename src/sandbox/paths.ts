import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const rootAbove = (folder: string): string =>
  existsSync(`${folder}package.json`) ? folder : rootAbove(resolve(folder, '..').replace(/\/?$/, '/'))

/** The root of this checkout, or of the installed package, where the compiled sources lie one folder deeper; ends with a slash. */
export const checkout: string = rootAbove(fileURLToPath(new URL('../..', import.meta.url)))

/** What outlives a run and is shared by all checkouts of this user: binaries, the engine's images, durations. */
export const cacheDir = (): string => `${process.env['XDG_CACHE_HOME'] || `${homedir()}/.cache`}/telpher`

/** Processor architectures, as Go, Kubernetes, Docker and Debian say them. */
export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

/** That of this machine. */
export const architecture = (): Architecture => (process.arch === 'arm64' ? 'arm64' : 'amd64')
