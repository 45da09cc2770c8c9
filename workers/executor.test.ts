import { expect, test } from 'vitest'
import { loadConfig } from '../src/config.ts'
import { applyStep, helmStep, sampleTarget } from '../tests/support/samples.ts'
import { mustBeForTrials, mustSuitMachine, withoutImages } from './executor.ts'

test.each([
  ['docker', undefined, true],
  ['docker', true, true],
  ['process', true, true],
  ['process', false, false],
  ['process', undefined, false],
] as const)('executor %s, trials %s: taken %s', (executor, trials, taken) => {
  const ask = (): void => mustBeForTrials(executor, sampleTarget('prod', { trials }))
  if (taken) expect(ask).not.toThrow()
  else expect(ask).toThrow(expect.objectContaining({ code: 'target_not_for_trials', message: expect.stringContaining('target prod') }))
})

test('helm 3 is not on a machine without images, and is in containers', () => {
  const three = { ...helmStep('web', 'web'), helmVersion: 3 as const }
  expect(() => mustSuitMachine('process', three)).toThrow(expect.objectContaining({ code: 'image_tools', field: 'helmVersion' }))
  for (const step of [helmStep('web', 'web'), applyStep('web')]) expect(() => mustSuitMachine('process', step)).not.toThrow()
  expect(() => mustSuitMachine('docker', three)).not.toThrow()
})

test('without images nothing is chosen by the version of the server', () => {
  expect(withoutImages(loadConfig({ TELPHER_EXECUTOR: 'process', TELPHER_IMAGE: 'x' })).image).toBe('programs-of-the-worker')
  expect(withoutImages(loadConfig({})).image).toBeUndefined()
})
