import type { ContainerCreateOptions } from 'dockerode'
import type { ContainerSpec } from '../model/ports.ts'

/** Where the shim lies inside every execution container. */
export const shimFolder = '/.telpher'
export const shimProgram = '/.telpher/shim'

/** Where the shim looks for a door of the worker's (containers/shim, main.go). */
const doorInside = '/.tether'

/** The working directory of a step: a tmpfs, with `/tmp` the only place that a job can write. */
const workFolder = '/work'

const uid = 65_532
const mebibyte = 1024 * 1024
const temporaryBytes = 64 * mebibyte

// The image directory's owner is copied up onto a tmpfs, so mode alone does not make it the job's.
const tmpfs = (bytes: number): string => `rw,exec,nosuid,nodev,size=${bytes},uid=${uid},gid=${uid},mode=0700`

export interface DockerSpecOptions {
  /** The named volume that holds the shim. */
  readonly shimVolume: string
  /** An OCI runtime known to the engine, such as `runsc`; none means the engine's default. */
  readonly runtime?: string
  /** The socket of a door on this host (door.ts). */
  readonly door?: string
}

type HostConfig = NonNullable<ContainerCreateOptions['HostConfig']>

/** What the engine is asked to create; the library's types do not know the cgroup namespace. */
export interface DockerSpec extends ContainerCreateOptions {
  readonly Image: string
  readonly HostConfig: HostConfig & { readonly CgroupnsMode: 'private' }
}

/**
 * What the engine is asked to create for one step: no network, no capability, nothing writable but two tmpfs, nothing kept.
 * The fields are those of threat T20 (container escape); `hardeningOf` lists them again for the check before the start.
 */
export const dockerSpec = (spec: ContainerSpec, { shimVolume, runtime, door }: DockerSpecOptions): DockerSpec => ({
  Image: spec.image,
  Entrypoint: [shimProgram],
  Cmd: [],
  User: `${uid}:${uid}`,
  // The job's folder comes with its order; made by the engine here it would get the engine's mode instead of the tmpfs's.
  WorkingDir: '/',
  Hostname: 'telpher',
  // An image may bring a health check: a program that nobody asked for, beside the job.
  Healthcheck: { Test: ['NONE'] },
  StopSignal: 'SIGTERM',
  Labels: { ...spec.labels },
  Tty: false,
  OpenStdin: true,
  StdinOnce: true,
  AttachStdin: true,
  AttachStdout: true,
  AttachStderr: true,
  HostConfig: {
    NetworkMode: 'none',
    ReadonlyRootfs: true,
    Privileged: false,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    PidsLimit: spec.pids,
    Memory: spec.memoryBytes,
    MemorySwap: spec.memoryBytes,
    NanoCpus: Math.round(spec.cpus * 1e9),
    LogConfig: { Type: 'none', Config: {} },
    Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
    Tmpfs: { [workFolder]: tmpfs(spec.scratchBytes), '/tmp': tmpfs(Math.min(temporaryBytes, spec.scratchBytes)) },
    Mounts: [
      { Type: 'volume', Source: shimVolume, Target: shimFolder, ReadOnly: true, VolumeOptions: volumeOptions },
      ...(door === undefined ? [] : [{ Type: 'bind' as const, Source: door, Target: doorInside, ReadOnly: true }]),
    ],
    IpcMode: 'none',
    CgroupnsMode: 'private',
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
    // The shim reaps by itself; an init of the engine's would stand between it and the end of the stream.
    Init: false,
    ...(runtime === undefined ? {} : { Runtime: runtime }),
  },
})

// The volume is filled by its keeper (shimVolume.ts); whatever an image has at that path stays out of it.
const volumeOptions = { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } }
