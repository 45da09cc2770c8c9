/** A step that a new process file begins with. */
export type DraftStep = { readonly name: string } & ({ readonly apply: readonly string[] } | { readonly chart: string })

/** A path as YAML and the references in it are read: quoted where it could mean something else. */
const pathOf = (path: string): string => {
  const text = path.replaceAll('${', () => '$${')
  return /^\.\/[\w./-]*$/.test(text) ? text : JSON.stringify(text)
}

const stepOf = (step: DraftStep): string => {
  const name = `  - name: ${step.name}\n`
  if ('chart' in step)
    return `${name}    helm:\n      chart: ${pathOf(step.chart)}\n      # values: [values-staging.yaml]\n      # set: { image.tag: "\${inputs.version}" }\n`
  const [only = './manifests', ...more] = step.apply.map(pathOf)
  return `${name}    apply: ${more.length === 0 ? only : `[${[only, ...more].join(', ')}]`}\n`
}

/** The text of a new process file, with what else may be written as comments. @param steps at least one, each with a name of its own */
export const draftOf = (
  name: string,
  steps: readonly DraftStep[],
): string => `# What \`telpher deploy\` does from this folder. Check it with: telpher lint
name: ${name}

# Given with --input version=1.4.2, and filled in where a step says \${inputs.version}. Never a secret: inputs are stored and shown.
# inputs:
#   version: { type: string }

# Where to, unless the command line says --target or --tag.
# targets:
#   tags: [env=staging]

# One after the other on each target. A step may also have: namespace: shop, deadline: 10m, settle: 30s.
steps:
${steps.map(stepOf).join('')}`
