import { expect, test } from 'vitest'
import type { ToolsUsed } from '../../model/image.ts'
import type { Run } from '../../scheduler/again.ts'
import { diffRuns } from './runs.ts'

const tools = { image: 'telpher/exec:k1.34-h4', imageId: 'sha256:a', kubectl: '1.34.4', helm: '4.2.4', server: 'v1.34.4' }

const run = (used: ToolsUsed | undefined): Run => {
  const job = { step: { name: 'web' }, target: 'staging', status: 'succeeded', attempt: 1, ...(used === undefined ? {} : { tools: used }) }
  return { deployment: { id: 'dep_1', request: { steps: [] }, targets: ['staging'], createdAt: 0 }, jobs: [job] } as unknown as Run
}

const diff = (a: Run, b: Run) => diffRuns(a, b, new Map(), () => 'hash')

test('another image, tool or server version between two runs is a difference', () => {
  const { same, tools: found } = diff(run(tools), run({ ...tools, image: 'telpher/exec:k1.36-h4', server: 'v1.36.0' }))
  expect(same).toBe(false)
  expect(found).toEqual([
    {
      step: 'web',
      target: 'staging',
      fields: [
        { field: 'image', a: 'telpher/exec:k1.34-h4', b: 'telpher/exec:k1.36-h4' },
        { field: 'server', a: 'v1.34.4', b: 'v1.36.0' },
      ],
    },
  ])
})

test('the same tools are none, and neither is a job that never began or is of before they were kept', () => {
  for (const other of [run(tools), run(undefined)]) expect(diff(run(tools), other)).toMatchObject({ same: true, tools: [] })
})
