// The list of what the published package is made of, as CycloneDX: from the lock file, by npm itself. Usage: node scripts/sbom.js FILE
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const [file = 'dist/sbom.cdx.json'] = process.argv.slice(2)
const root = fileURLToPath(new URL('..', import.meta.url))
const asked = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
const { status, stdout, stderr, error } = spawnSync('npm', asked, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
if (error !== undefined || status !== 0) {
  process.stderr.write(`npm sbom failed: ${error?.message ?? stderr}\n`)
  process.exit(1)
}
const sbom = JSON.parse(stdout)
// By hand: npm's own --omit=dev leaves out what tools of the development need as well (seen with npm 11: zod, yaml).
const isDevelopment = ({ properties = [] }) => properties.some(({ name }) => name === 'cdx:npm:package:development')
sbom.components = sbom.components.filter((component) => !isDevelopment(component))
const kept = new Set([sbom.metadata.component, ...sbom.components].map((component) => component['bom-ref']))
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }))
// npm calls it after the folder that it lies in.
sbom.metadata.component.name = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).name
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, `${JSON.stringify(sbom, null, 1)}\n`)
