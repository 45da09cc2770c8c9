import { expect, test } from 'vitest'
import { sampleTarget } from '../tests/support/samples.ts'
import { mustBeForTrials } from './executor.ts'

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
