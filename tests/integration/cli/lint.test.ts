import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { createTestCli, type TestCli } from './cli.ts'

let cli: TestCli
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(join(cli.dir, path, '..'), { recursive: true })
  await writeFile(join(cli.dir, path), text)
}
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`
beforeEach(async () => {
  // Nobody listens there: these commands ask no server.
  cli = await createTestCli({ url: 'http://127.0.0.1:1', token: 'none' })
  await put('manifests/a.yaml', configMap('a'))
  await put('chart/Chart.yaml', 'apiVersion: v2\nname: web\nversion: 1.0.0\n')
})

const good = `name: shop
inputs:
  tag: { type: string, pattern: '[0-9.]+' }
steps:
  - name: config
    apply: ./manifests
  - name: web
    helm: { chart: ./chart, set: { image.tag: "\${inputs.tag}" } }
`

describe('lint', () => {
  test('has nothing to say of a good file, and names the steps whose inputs are not known', async () => {
    await put('telpher.yaml', good)
    expect(await cli.run(['lint', '--input', 'tag=1.2'])).toEqual({ code: 0, stdout: 'telpher.yaml: no problem\n', stderr: '' })
    const { code, stderr } = await cli.run(['lint'])
    expect(code).toBe(0)
    expect(stderr).toContain('the files of step web were not looked at')
    expect(JSON.parse((await cli.run(['lint', '-o', 'json'])).stdout)).toEqual([])
  })

  test('shows every problem with the lines around it, and ends with 2', async () => {
    await put(
      'shop/telpher.yaml',
      'name: shop\nsteps:\n  - name: config\n    apply: ../manifests\n    dedline: 5m\n  - name: Web\n    aply: x\n',
    )
    const { code, stdout, stderr } = await cli.run(['lint', 'shop/telpher.yaml'])
    expect(code).toBe(2)
    expect(stdout).toBe(`shop/telpher.yaml:5:5: there is no dedline here
  3 |   - name: config
  4 |     apply: ../manifests
> 5 |     dedline: 5m
    |     ^
  6 |   - name: Web
  7 |     aply: x
  did you mean deadline?

shop/telpher.yaml:6:11: use lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit
  4 |     apply: ../manifests
  5 |     dedline: 5m
> 6 |   - name: Web
    |           ^
  7 |     aply: x

shop/telpher.yaml:7:5: there is no aply here
  5 |     dedline: 5m
  6 |   - name: Web
> 7 |     aply: x
    |     ^
  did you mean apply?
`)
    expect(stderr).toBe('3 problems in shop/telpher.yaml\n')
  })

  test('looks at the files that are named, relative to the process file', async () => {
    await put('shop/m/broken.yaml', 'kind: ConfigMap\nmetadata: { name: [\n')
    await put('shop/bad-chart/Chart.yaml', 'name: web\n')
    await put(
      'shop/telpher.yaml',
      `name: shop
steps:
  - { name: a, apply: [../manifests, ./none, "*.json"] }
  - { name: b, apply: ./m }
  - { name: c, helm: { chart: ./m } }
  - { name: d, helm: { chart: ../chart, values: [v.yaml] } }
  - { name: e, helm: { chart: ./bad-chart } }
  - { name: f, helm: { chart: ./gone } }
`,
    )
    const { stdout } = await cli.run(['lint', 'shop/telpher.yaml', '-o', 'json'])
    const found = (JSON.parse(stdout) as { line: number; column: number; path: string; message: string }[]).map(
      ({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`,
    )
    expect(found).toEqual([
      '3:38 steps[0].apply[1]: there is nothing at ./none',
      '3:46 steps[0].apply[2]: there is nothing at *.json',
      expect.stringMatching(/^4:23 steps\[1\]\.apply: broken\.yaml:2: not YAML/),
      '5:31 steps[2].helm.chart: ./m is no chart: it has no Chart.yaml',
      '6:50 steps[3].helm.values[0]: there is no file v.yaml',
      '7:31 steps[4].helm.chart: Chart.yaml needs name and version',
      '8:31 steps[5].helm.chart: there is nothing at ./gone',
    ])
  })

  test('two objects of the same name in one step are found, across its paths', async () => {
    await put('more/b.yaml', configMap('a'))
    await put('telpher.yaml', 'name: shop\nsteps: [{ name: a, apply: [manifests, more] }]\n')
    expect((await cli.run(['lint'])).stdout).toContain('more/b.yaml:1: ConfigMap a is already at manifests/a.yaml:1')
  })

  test.each([
    [[], 'there is no process file telpher.yaml: write one with telpher init'],
    [['gone.yaml'], 'there is no process file gone.yaml'],
    [['good.yaml', '--input', 'tag=x'], '--input tag=x: give text that matches [0-9.]+'],
    [['good.yaml', '--input', 'tga=1'], '--input tga: the process has no such input; did you mean tag?'],
    [['latin1.yaml'], 'latin1.yaml is neither UTF-8 nor UTF-16: save it as UTF-8'],
  ])('%j is refused', async (args, message) => {
    await put('good.yaml', good)
    await writeFile(join(cli.dir, 'latin1.yaml'), Buffer.from([0x6e, 0xe4]))
    const { code, stderr } = await cli.run(['lint', ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  test('shows nothing that a terminal would obey', async () => {
    await put('telpher.yaml', 'name: "\u001b[2J"\nsteps: [{ name: a, apply: x }]\n# \u001b]0;title\u0007\n')
    expect((await cli.run(['lint'])).stdout).not.toMatch(/[\u001b\u0007]/)
  })
})

test('schema prints what an editor reads: draft 7, a description for every field', async () => {
  const { code, stdout } = await cli.run(['schema'])
  expect(code).toBe(0)
  const schema = JSON.parse(stdout) as object
  expect(schema).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    additionalProperties: false,
    required: ['name', 'steps'],
  })
  const bare: string[] = []
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    const { properties = {} } = node as { properties?: Record<string, { description?: string; const?: unknown }> }
    for (const [key, field] of Object.entries(properties))
      if (field.description === undefined && field.const === undefined) bare.push(`${path}.${key}`)
    for (const [key, inner] of Object.entries(node)) walk(inner, `${path}/${key}`)
  }
  walk(schema, '')
  expect(bare).toEqual([])
})
