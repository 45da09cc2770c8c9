import { expect, test } from 'vitest'
import { belongsTo } from './jobProcesses.ts'

const work = '/tmp/jobs/job-1/work'

test.each([
  ['its shim', { cmdline: `/bin/shim\0-root\0${work}\0`, environ: '' }, true],
  ['a program of it', { cmdline: 'kubectl\0apply\0', environ: `PATH=/bin\0HOME=${work}\0` }, true],
  ['a program whose first variable is its HOME', { cmdline: 'sh\0', environ: `HOME=${work}\0` }, true],
  ['the shim of another job', { cmdline: `/bin/shim\0-root\0${work}2\0`, environ: '' }, false],
  ['an editor with one of its files open', { cmdline: `vi\0${work}/kubeconfig\0`, environ: 'HOME=/root\0' }, false],
  ['a program that has its folder in another variable', { cmdline: 'sh\0', environ: `OLDHOME=${work}\0` }, false],
  ['one that has ended', { cmdline: '', environ: '' }, false],
])('a process of a job: %s', (_, process, expected) => {
  expect(belongsTo(work, process)).toBe(expected)
})
