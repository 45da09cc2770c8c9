import { expect, test } from 'vitest'
import type { EngineFacts } from '../model/doctor.ts'
import { type DockerFacts, judgeDocker, judgePrograms, skipDocker } from './docker.ts'

const engine: EngineFacts = {
  version: '27.3.1',
  cgroupVersion: '2',
  seccomp: 'default',
  userNamespaces: false,
  rootless: false,
  limits: { memory: true, swap: true, cpu: true, pids: true },
  hasImage: true,
}
const trial = { readyMs: 300, code: 0, interfaces: ['lo'] }
const judge = (changes: Partial<EngineFacts> = {}, tried: DockerFacts['trial'] = { facts: trial, ms: 900 }) =>
  judgeDocker({ socket: '/d.sock', image: 'exec:1', engine: { facts: { ...engine, ...changes }, ms: 5 }, trial: tried })

test('nothing is wrong with a good engine', () => {
  expect(judge().map(({ id, status }) => [id, status])).toEqual([
    ['docker', 'ok'],
    ['docker-version', 'ok'],
    ['docker-seccomp', 'ok'],
    ['docker-limits', 'ok'],
    ['exec-image', 'ok'],
    ['container', 'ok'],
  ])
})

test.each<[Partial<EngineFacts>, string, string, string]>([
  [{ version: '20.10.24+dfsg1' }, 'docker-version', 'ok', ''],
  [{ version: '20.9.1' }, 'docker-version', 'fail', 'apt-get'],
  [{ version: '19.03.8' }, 'docker-version', 'fail', 'apt-get'],
  [{ seccomp: 'unconfined' }, 'docker-seccomp', 'fail', 'daemon.json'],
  [{ seccomp: 'none' }, 'docker-seccomp', 'fail', 'daemon.json'],
  [{ limits: { ...engine.limits, memory: false } }, 'docker-limits', 'fail', 'cgroup_enable=memory'],
  [{ limits: { ...engine.limits, swap: false } }, 'docker-limits', 'ok', ''],
  [{ hasImage: false }, 'exec-image', 'fail', 'docker pull exec:1'],
])('%o: %s is %s', (changes, id, status, fix) => {
  const finding = judge(changes).find((one) => one.id === id)
  expect(finding).toMatchObject({ status })
  expect(finding?.fix ?? '').toContain(fix)
  expect(finding?.fix !== undefined).toBe(status !== 'ok')
})

test('an image of ours is built', () => {
  const facts = { ...engine, hasImage: false }
  const found = judgeDocker({ socket: '/d', image: 'telpher/exec:k1.34-h4', engine: { facts, ms: 1 } })
  expect(found.find(({ id }) => id === 'exec-image')?.fix).toContain('telpher image build k1.34-h4')
})

test.each<[string, DockerFacts['trial'], string]>([
  ['not tried', undefined, 'skip'],
  ['not started', { trouble: 'no', ms: 1 }, 'fail'],
  ['ended badly', { facts: { ...trial, code: 127 }, ms: 1 }, 'fail'],
  ['with a network', { facts: { ...trial, interfaces: ['eth0', 'lo'] }, ms: 1 }, 'fail'],
])('a container that was %s', (_, tried, status) => {
  expect(
    judgeDocker({ socket: '/d', image: 'i', engine: { facts: engine, ms: 1 }, ...(tried === undefined ? {} : { trial: tried }) }).at(-1),
  ).toMatchObject({ id: 'container', status })
})

test.each([
  ['connect EACCES /d.sock', 'usermod -aG docker'],
  ['connect ENOENT /d.sock', 'apt-get install docker.io'],
  ['connect ECONNREFUSED /d.sock', 'systemctl start docker'],
])('an engine that is not reached (%s) fails once, with what to do', (trouble, fix) => {
  const [first, ...others] = judgeDocker({ socket: '/d.sock', image: 'i', engine: { trouble, ms: 1 } })
  expect(first).toMatchObject({ id: 'docker', status: 'fail', fix: expect.stringContaining(fix) })
  expect(others.every(({ status }) => status === 'skip')).toBe(true)
  expect(others).toHaveLength(5)
})

test('without Docker the programs of the machine are looked at in its place', () => {
  expect(skipDocker().every(({ status }) => status === 'skip')).toBe(true)
  expect(judgePrograms(undefined).status).toBe('skip')
  expect(judgePrograms({ facts: ['/bin/kubectl'], ms: 1 }).status).toBe('warn')
  expect(judgePrograms({ trouble: 'helm is not in the PATH', ms: 1 })).toMatchObject({ status: 'fail', seen: 'helm is not in the PATH' })
})
