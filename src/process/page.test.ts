import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readInputs } from './inputs.ts'
import { parseProcess } from './parse.ts'
import { resolveSteps } from './resolve.ts'
import { editorSchema } from './schema.ts'

const page = readFileSync(new URL('../../docs/reference/process-file.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text)

describe('the page of the process file', () => {
  test('has examples', () => {
    expect(examples).toHaveLength(3)
  })
  test.each(examples)('has an example that can be deployed: %.30s', (text) => {
    const parsed = parseProcess(text)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    const { process } = parsed.read
    const { steps, findings } = resolveSteps(process, readInputs(process, ['version=1.4.2']))
    expect(findings).toEqual([])
    expect(steps).toHaveLength(process.steps.length)
    expect(steps).not.toContain(undefined)
  })
  test('names every field of the schema', () => {
    const fields = new Set<string>()
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return
      if ('properties' in node) for (const key of Object.keys(node.properties ?? {})) fields.add(key)
      Object.values(node).forEach(walk)
    }
    walk(editorSchema())
    expect(fields.size).toBeGreaterThan(20)
    expect([...fields].filter((field) => !new RegExp(`\`(?:\\w+\\.)?${field}(?:: true)?\``).test(page))).toEqual([])
  })
})
