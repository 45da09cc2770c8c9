import { describe, expect, test } from 'vitest'
import { useE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { hookedChart, isHookMade, releaseStatuses } from '../support/hooked-chart.ts'
import { begin } from '../support/running.ts'

const e2e = useE2e()

describe('a helm upgrade is cancelled while it waits for its hook', () => {
  test.each([
    ['and helm records its release', [], 'cancelled while running'],
    ['by force, and Telpher records it', ['--force'], 'cancelled by force while running'],
  ])('%s; the next deployment succeeds with no manual step', async (_, flags, sentence) => {
    const { namespace, target } = await e2e().place()
    const installed = await e2e().deploy(await e2e().folder(hookedChart(1)), target, '--helm', 'hooked')
    expect(installed, installed.stderr).toMatchObject({ code: 0 })
    const running = await begin(e2e(), await e2e().folder(hookedChart(2)), target, '--helm', 'hooked')
    const job = await running.reaches('running')
    await eventually(() => isHookMade(e2e(), namespace))
    await e2e().cli('cancel', job.deploymentId, ...flags)
    const ended = await running.ended
    expect(ended.code).toBe(11)
    const { deployment, jobs } = detailOf(ended)
    expect(deployment.result).toBe('cancellation')
    expect(jobs[0]?.end?.sentence).toContain(sentence)
    expect(await releaseStatuses(e2e(), namespace)).toEqual(['deployed', 'failed'])
    const next = await e2e().deploy(await e2e().folder(hookedChart(3)), target, '--helm', 'hooked')
    expect(next, next.stderr).toMatchObject({ code: 0 })
  })
})
