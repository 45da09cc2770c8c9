// The list of what the published package is made of, as CycloneDX: from the lock file, by npm itself. Usage: node scripts/sbom.js FILE
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const [file = 'dist/sbom.cdx.json'] = process.argv.slice(2)
const root = fileURLToPath(new URL('..', import.meta.url))
const asked = ['sbom', '--omit=dev', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
const { status, stdout, stderr, error } = spawnSync('npm', asked, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
if (error !== undefined || status !== 0) {
  process.stderr.write(`npm sbom failed: ${error?.message ?? stderr}\n`)
  process.exit(1)
}
const sbom = JSON.parse(stdout)
// npm calls it after the folder that it lies in.
sbom.metadata.component.name = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).name
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, `${JSON.stringify(sbom, null, 1)}\n`)
