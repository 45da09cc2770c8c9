import { expect, test } from 'vitest'
import { progressView } from './progressView.ts'

const shown = (isTTY: boolean, env: Record<string, string>): string => {
  let text = ''
  const view = progressView({ isTTY, write: (part) => (text += part) }, env)
  view({ stage: 'kubelet', state: 'start', estimateMs: 45_000 })
  view({ stage: 'kubelet', state: 'done', ms: 30_400 })
  view({ stage: 'helm', state: 'start' })
  view({ stage: 'helm', state: 'fail', ms: 100, detail: 'no network' })
  return text
}

test('without a terminal, and in CI, progress is plain lines with the time', () => {
  const expected = ['kubelet (about 45 s)', 'kubelet: done in 30 s', 'helm', 'helm: failed after 0.1 s: no network']
  for (const text of [shown(false, {}), shown(true, { CI: '1' }), shown(true, { TERM: 'dumb' })]) {
    const lines = text.trimEnd().split('\n')
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''))).toEqual(expected)
    expect(text).not.toContain('\x1b')
  }
})

test('on a terminal each stage ends as one line', () => {
  const lines = shown(true, {}).trimEnd().split('\n')
  expect(lines.map((line) => line.slice(line.lastIndexOf('\x1b[2K') + 4))).toEqual(['✓ kubelet  30 s', '✗ helm  no network'])
})
