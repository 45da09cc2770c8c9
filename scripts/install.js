import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Newer than the lock file when what is installed was found to match it; ./telpher looks at the same file. */
const stampOf = (root) => `${root}node_modules/.telpher-installed`

const newerThanLock = (root) => {
  const stamp = statSync(stampOf(root), { throwIfNoEntry: false })
  return stamp !== undefined && stamp.mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs
}

/** npm's own record of what it installed must say the same as the lock file; packages for other platforms are not installed. */
const matchesLock = (root) => {
  const record = `${root}node_modules/.package-lock.json`
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || installed[path]?.version === version || (optional === true && !(path in installed)),
  )
}

/** The Node that the dependencies bring along, else this one where it is new enough. */
export const nodeBinary = (root) => {
  const bundled = `${root}node_modules/.bin/node`
  if (existsSync(bundled)) return bundled
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new Error(`Telpher needs Node 24, and there is none for ${process.platform} ${process.arch} among its dependencies: install it.`)
}

const isInstalled = (root) => existsSync(`${root}node_modules/.bin/node`) && (newerThanLock(root) || matchesLock(root))

const install = (root) => {
  if (!isInstalled(root)) {
    process.stderr.write('installing dependencies (npm ci, about 30 s)\n')
    const { status, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    })
    if (error !== undefined) throw new Error(`npm cannot be run: ${error.message}`)
    if (status !== 0) throw new Error('npm ci failed; see above')
  }
  writeFileSync(stampOf(root), '')
}

/**
 * Installs the dependencies of this checkout unless they are there; by one process at a time (flock ends with its holder, so never stale).
 * @throws Error that says what failed
 */
export const ensureInstalled = async (root) => {
  if (isInstalled(root) && newerThanLock(root)) return
  const lock = `${tmpdir()}/telpher-install-${createHash('sha256').update(root).digest('hex').slice(0, 12)}.lock`
  const script = `import(${JSON.stringify(import.meta.url)}).then((m) => m.installHere(process.argv[1])).catch((e) => { console.error(e.message); process.exit(1) })`
  const { status, error } = spawnSync('flock', [lock, process.execPath, '-e', script, root], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined) install(root)
  else if (status !== 0) throw new Error('the dependencies could not be installed')
}

/** Only for ensureInstalled, which calls it in a process that holds the lock. */
export const installHere = install
