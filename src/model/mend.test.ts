import { expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import { type CheckLine, checkRungs } from './check.ts'
import { errorTable } from './errors.ts'
import { mendOf, withCommand } from './mend.ts'
import { accountModes } from './target.ts'

const line = (changes: Partial<CheckLine>): CheckLine => ({
  rung: 'tls',
  subject: 'api',
  status: 'failed',
  ms: 1,
  message: 'no',
  ...changes,
})
const target = sampleTarget('shop', { pool: 'eu' })

test.each<readonly [what: string, given: Partial<CheckLine>, fix: string | undefined]>([
  [
    'what has a command of its own',
    { code: 'target_tls', fix: 'Check the CA bundle.' },
    'Check the CA bundle: telpher target edit shop --add-ca FILE',
  ],
  ['what only its people can mend', { code: 'target_timeout', fix: 'Check its load.' }, 'Check its load. Then: telpher target check shop'],
  [
    'what says its command',
    { fix: 'Give it anew: telpher target edit NAME --ca FILE' },
    'Give it anew: telpher target edit shop --ca FILE',
  ],
  ['what says nothing', { status: 'warn' }, 'Then: telpher target check shop'],
  [
    'a refused credential',
    { code: 'target_unauthorized', fix: 'Add it again.' },
    'Add it again: telpher account rotate shop --from-kubeconfig CONTEXT',
  ],
  ['no worker', { code: 'pipe_no_worker', fix: 'Start one.' }, 'Start one: TELPHER_POOL=eu telpher worker start'],
  ['what is well', { status: 'ok' }, undefined],
  ['what was not tried', { status: 'skipped' }, undefined],
])('%s', (_, given, fix) => expect(withCommand(line(given), target).fix).toBe(fix))

test('whatever is wrong at any rung has a command for this target', () => {
  const codes = Object.keys(errorTable) as (keyof typeof errorTable)[]
  for (const mode of accountModes) {
    const of = sampleTarget('shop', { account: { ...target.account, mode } })
    for (const code of codes) expect(mendOf(of, code)).toMatch(/^(?:TELPHER_POOL=\w+ )?telpher \w+/)
    for (const rung of checkRungs)
      for (const status of ['failed', 'warn'] as const)
        for (const code of codes)
          expect(withCommand(line({ rung, status, code, fix: errorTable[code][3] }), of).fix).toMatch(/telpher [\w-]+/)
  }
})
