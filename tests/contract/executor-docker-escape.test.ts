import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import type Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureDocker } from '../../src/sandbox/docker.ts'
import { type DockerUnderTest, dockerUnderTest, loadTestImage, testImage } from './executor-engine.ts'
import { runJob, shell, specFor } from './executor-run.ts'

const host = mkdtempSync(`${tmpdir()}/telpher-host-`)
const marker = `${host}/marker`

/** Ways out of a container; each is a shell line that succeeds when the way is open. PORT is a listener on the host's loopback. */
const probes: Readonly<Record<string, string>> = {
  'write to the root file system': 'echo x > /escaped || echo x > /etc/passwd || echo x > /.telpher/shim || echo x > /.dockerenv',
  mount: 'mkdir /work/m && mount -t tmpfs none /work/m || mount -o remount,rw /',
  'connect to a network': 'nc -w 1 127.0.0.1 PORT </dev/null || nc -w 1 1.1.1.1 53 </dev/null || nc -w 1 169.254.169.254 80 </dev/null',
  'read the host through /proc': `cat /proc/1/root${marker} || cat /proc/${process.pid}/root${marker} || cat ../../..${marker}`,
  'make a device': 'mknod /work/disk b 8 0 || mknod /tmp/mem c 1 1',
  'become root by a setuid program': 'busybox-rooted su root -c "[ \\$(id -u) = 0 ]"',
  'enter another namespace': 'unshare -m true || unshare -U true || nsenter -t 1 -m true',
  'change its limits': 'ulimit -c unlimited || echo 0 > /sys/fs/cgroup/cgroup.procs || echo 0 > /sys/fs/cgroup/memory/cgroup.procs',
}
/** What the kernel says to those who may not, or what is not there for them. */
const refused = /not permitted|denied|Read-only|unreachable|refused|incorrect|must be suid|No such file|Permission/i

describe('escape from a container of the Docker executor', () => {
  let under: DockerUnderTest
  let docker: Docker
  let listener: Server
  const script = (name: string): string => (probes[name] ?? '').replace('PORT', String((listener.address() as AddressInfo).port))

  beforeAll(async () => {
    writeFileSync(marker, 'host')
    listener = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
    const engine = await ensureDocker({ images: false })
    await loadTestImage(engine.socketPath)
    under = await dockerUnderTest(engine, testImage)
    docker = under.docker
  })
  afterAll(async () => {
    await under?.close()
    listener.close()
    rmSync(host, { recursive: true })
  })

  test.each(Object.keys(probes))('a job cannot %s', async (name) => {
    const { exit, stdout, stderr } = await runJob(under, specFor(under, 'escape'), shell(script(name)))
    expect(exit.code).not.toBe(0)
    expect(stdout.text).toBe('')
    for (const line of stderr.text.trim().split('\n')) expect(line).toMatch(refused)
  })

  // The control: a probe that fails everywhere proves nothing.
  test.each(Object.keys(probes))('a container that nothing holds back can %s', async (name) => {
    const container = await docker.createContainer({
      Image: testImage,
      Cmd: [...shell(script(name))],
      Env: ['PATH=/bin'],
      User: name.includes('setuid') ? '65532' : '0',
      // Not `Privileged`: that fails where the machine's own root holds less than everything.
      HostConfig: {
        CapAdd: ['SYS_ADMIN', 'SYS_PTRACE', 'MKNOD'],
        SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
        NetworkMode: 'host',
        PidMode: 'host',
        Tmpfs: { '/work': '', '/tmp': '' },
      },
    })
    try {
      await container.start()
      expect(((await container.wait()) as { StatusCode: number }).StatusCode).toBe(0)
    } finally {
      await container.remove({ force: true, v: true })
    }
  })

  test('a job holds no capability, runs under seccomp and cannot gain privileges', async () => {
    const { stdout } = await runJob(
      under,
      specFor(under, 'escape'),
      shell('grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):" /proc/self/status'),
    )
    const none = '0'.repeat(16)
    expect(
      Object.fromEntries(
        stdout.text
          .trim()
          .split('\n')
          .map((line) => line.trim().split(/:\s+/)),
      ),
    ).toEqual({
      Uid: '65532\t65532\t65532\t65532',
      Gid: '65532\t65532\t65532\t65532',
      Groups: '65532',
      CapInh: none,
      CapPrm: none,
      CapEff: none,
      CapBnd: none,
      CapAmb: none,
      NoNewPrivs: '1',
      Seccomp: '2',
    })
  })

  test('a job sees no interface but its own loopback and no process but its own', async () => {
    const { stdout } = await runJob(under, specFor(under, 'escape'), shell('ls /sys/class/net; ls /proc | grep -c "^[0-9]"'))
    const [interfaces, processes] = stdout.text.trim().split('\n')
    expect(interfaces).toBe('lo')
    expect(Number(processes)).toBeLessThan(10)
  })
})
