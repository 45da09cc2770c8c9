import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The root of this checkout. */
export const checkout: string = fileURLToPath(new URL('../..', import.meta.url))

/** What outlives a run and is shared by all checkouts of this user: binaries, the engine's images, durations. */
export const cacheDir = (): string => `${process.env['XDG_CACHE_HOME'] || `${homedir()}/.cache`}/telpher`

/** `amd64` or `arm64`, as Go, Kubernetes and Debian say it. */
export const architecture = (): 'amd64' | 'arm64' => (process.arch === 'arm64' ? 'arm64' : 'amd64')
