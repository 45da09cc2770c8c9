import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { catalogue } from '../catalogue.ts'
import { globals } from '../globals.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import { type CompletedOption, completedOption, placesOf } from './places.ts'
import { zshScript } from './zsh.ts'

const places = placesOf(catalogue)
const options = globals.map(completedOption)
const scripts = { bash: bashScript(places, options), zsh: zshScript(places, options), fish: fishScript(places, options) }

describe.each(Object.entries(scripts))('%s', (shell, script) => {
  const said = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' })

  // bash is on every machine that this runs on; zsh and fish are asked where they are.
  if (shell === 'bash' || said.error === undefined)
    test('its shell can read it', () => {
      expect([said.status, said.stderr]).toEqual([0, ''])
    })

  // bash offers long spellings only; a short switch, which takes nothing, it need not know.
  const namesIn = ({ names, takes }: CompletedOption): readonly string[] =>
    names.filter((name) => shell !== 'bash' || takes !== undefined || name.startsWith('--'))

  test('knows every command, alias, option and choice', () => {
    const words = new Set(script.split(/[\s'"()=|/]+/).map((word) => word.replace(/:.*/, '')))
    const missing = catalogue
      .filter(({ hidden }) => hidden !== true)
      .flatMap((spec) => [...spec.path, ...(spec.aliases ?? []), ...(spec.options ?? []).flatMap((one) => namesIn(completedOption(one)))])
      .concat(
        options.flatMap(({ names }) => names),
        catalogue.flatMap((spec) => (spec.options ?? []).flatMap(({ choices }) => choices ?? [])),
      )
      .filter((word) => !words.has(shell === 'fish' ? word.replace(/^--?/, '') : word))
    expect(missing).toEqual([])
  })

  test('does not offer what is for programs', () => {
    expect(script.replaceAll(/__telpher_names|__names (\$argv\[1\]|"?\$takes"?)/g, '')).not.toContain('__names')
  })

  test('asks a server only silently, and never reads what is typed', () => {
    const calls = script.split('\n').filter((line) => /__names ["$]/.test(line))
    expect(calls.length).toBeGreaterThan(0)
    for (const call of calls) expect(call).toContain('2>/dev/null </dev/null')
  })
})
