import { describe, expect, test } from 'vitest'
import type { ContainerSpec } from '../model/ports.ts'
import { dockerSpec } from './dockerSpec.ts'

const spec: ContainerSpec = {
  image: 'telpher/exec:k1.34-h4',
  labels: { 'telpher.pool': 'default', 'telpher.job': 'job_1' },
  memoryBytes: 256 * 1024 * 1024,
  cpus: 1.5,
  pids: 64,
  scratchBytes: 32 * 1024 * 1024,
}

describe('dockerSpec', () => {
  test('asks for a container without network, capabilities, privileges or a place that lasts', () => {
    expect(dockerSpec(spec, { shimVolume: 'telpher-shim-1' })).toMatchInlineSnapshot(`
      {
        "AttachStderr": true,
        "AttachStdin": true,
        "AttachStdout": true,
        "Cmd": [],
        "Entrypoint": [
          "/.telpher/shim",
        ],
        "Healthcheck": {
          "Test": [
            "NONE",
          ],
        },
        "HostConfig": {
          "AutoRemove": false,
          "CapDrop": [
            "ALL",
          ],
          "CgroupnsMode": "private",
          "Init": false,
          "IpcMode": "none",
          "LogConfig": {
            "Config": {},
            "Type": "none",
          },
          "Memory": 268435456,
          "MemorySwap": 268435456,
          "Mounts": [
            {
              "ReadOnly": true,
              "Source": "telpher-shim-1",
              "Target": "/.telpher",
              "Type": "volume",
              "VolumeOptions": {
                "DriverConfig": {
                  "Name": "local",
                  "Options": {},
                },
                "Labels": {},
                "NoCopy": true,
              },
            },
          ],
          "NanoCpus": 1500000000,
          "NetworkMode": "none",
          "PidsLimit": 64,
          "Privileged": false,
          "ReadonlyRootfs": true,
          "RestartPolicy": {
            "Name": "no",
          },
          "SecurityOpt": [
            "no-new-privileges",
          ],
          "Tmpfs": {
            "/tmp": "rw,exec,nosuid,nodev,size=33554432,uid=65532,gid=65532,mode=0700",
            "/work": "rw,exec,nosuid,nodev,size=33554432,uid=65532,gid=65532,mode=0700",
          },
          "Ulimits": [
            {
              "Hard": 0,
              "Name": "core",
              "Soft": 0,
            },
          ],
        },
        "Hostname": "telpher",
        "Image": "telpher/exec:k1.34-h4",
        "Labels": {
          "telpher.job": "job_1",
          "telpher.pool": "default",
        },
        "OpenStdin": true,
        "StdinOnce": true,
        "StopSignal": "SIGTERM",
        "Tty": false,
        "User": "65532:65532",
        "WorkingDir": "/",
      }
    `)
  })

  test('names the runtime only when one is chosen', () => {
    expect(dockerSpec(spec, { shimVolume: 'v', runtime: 'runsc' }).HostConfig.Runtime).toBe('runsc')
    expect(dockerSpec(spec, { shimVolume: 'v' }).HostConfig).not.toHaveProperty('Runtime')
  })

  test('holds nothing of a job: there is no environment and no argument', () => {
    const asked = dockerSpec(spec, { shimVolume: 'v' })
    expect(asked.Env).toBeUndefined()
    expect(asked.Cmd).toEqual([])
  })
})
