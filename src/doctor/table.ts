/** Where a check is made: on this machine before anything runs, by a running server, or by a worker against a target. */
export type CheckPlace = 'pre' | 'server' | 'target'

export interface CheckRow {
  readonly places: readonly CheckPlace[]
  /** What it looks at, for the page of checks. */
  readonly about: string
  /** Why it matters, in a few words. */
  readonly why: string
}

/** Every check of `telpher doctor`, in the order in which they are shown; docs/reference/doctor.md is tested against it. */
export const checkTable = {
  node: { places: ['pre'], about: 'version of Node.js', why: 'the sources run as they are on Node.js 24 and newer' },
  platform: { places: ['pre'], about: 'operating system and processor', why: 'workers run on Linux; the command line runs elsewhere too' },
  config: {
    places: ['pre'],
    about: 'TELPHER_ variables',
    why: 'a server or worker with a bad one does not start, a misspelled one is not read',
  },
  proxy: { places: ['pre'], about: 'proxy variables', why: 'connections to targets and to the server go straight, through no proxy' },
  memory: { places: ['pre'], about: 'free memory for the execution containers', why: 'each step may take the memory of its container' },
  'data-folder': { places: ['pre'], about: 'data folder: there, writable, ours alone', why: 'keys, the token and logs lie in it' },
  disk: { places: ['pre'], about: 'free disk below the data folder', why: 'Redis and Docker stop when it is full' },
  'key-file': {
    places: ['pre', 'server'],
    about: 'file of the master key, its mode and owner',
    why: 'who reads it opens every credential',
  },
  'token-file': { places: ['pre', 'server'], about: 'file of the API token, its mode and owner', why: 'who reads it may deploy' },
  port: { places: ['pre'], about: 'address of the server: free, or ours', why: 'a server cannot listen where another program does' },
  shim: { places: ['pre'], about: 'the shim of TELPHER_SHIM', why: 'every step is started by it' },
  programs: {
    places: ['pre'],
    about: 'kubectl and helm, for the process executor',
    why: 'without Docker, steps use those of this machine',
  },
  docker: { places: ['pre'], about: 'Docker engine behind the socket', why: 'every step runs in a container of its own' },
  'docker-version': { places: ['pre'], about: 'version of the engine', why: 'older engines cannot harden containers as steps need it' },
  'docker-seccomp': { places: ['pre'], about: "the engine's seccomp profile", why: 'without it a step may use every system call' },
  'docker-limits': {
    places: ['pre'],
    about: 'cgroups: limits of memory, processors and processes',
    why: 'without them one step can take the whole machine',
  },
  'exec-image': { places: ['pre'], about: 'the execution image on the engine', why: 'steps run in it, and workers pull nothing' },
  container: {
    places: ['pre'],
    about: 'a real hardened container without network, from start to its end',
    why: 'this is what every step does first',
  },
  server: { places: ['server'], about: 'the server: reached, with a good token, in time', why: 'every command asks it' },
  'server-version': {
    places: ['server'],
    about: 'versions of command line and server',
    why: 'an older one may not know what the other says',
  },
  redis: { places: ['pre', 'server'], about: 'Redis answers', why: 'states and queue live in it; nothing goes on without it' },
  'redis-version': { places: ['pre', 'server'], about: 'version of Redis', why: 'older ones lack commands that are used' },
  'redis-patched': { places: ['pre', 'server'], about: 'known holes of this release', why: 'scripts of who is let in could take it over' },
  'redis-access': {
    places: ['pre', 'server'],
    about: 'who is let in: without a password, or through its socket',
    why: 'who writes to Redis decides what is deployed',
  },
  'redis-tls': { places: ['pre', 'server'], about: 'TLS where a network lies in between', why: 'states, logs and passwords go this way' },
  'redis-eviction': { places: ['pre', 'server'], about: 'maxmemory-policy', why: 'an evicting Redis forgets deployments' },
  'redis-persistence': { places: ['pre', 'server'], about: 'append-only file', why: 'without it a restart of Redis forgets everything' },
  'redis-writes': {
    places: ['pre', 'server'],
    about: 'whether its last writes to disk succeeded',
    why: 'a Redis that cannot write to disk refuses commands',
  },
  'redis-memory': { places: ['pre', 'server'], about: 'used part of maxmemory', why: 'from 85 % on new deployments are refused' },
  'redis-latency': { places: ['pre', 'server'], about: 'round trip to Redis', why: 'each change of a state is one' },
  'redis-replicas': {
    places: ['pre', 'server'],
    about: 'role, and state of its replicas',
    why: 'a replica cannot be written to; a late one loses data',
  },
  clock: {
    places: ['pre', 'server'],
    about: "this machine's, the server's and the workers' clocks against that of Redis",
    why: 'tokens, certificates and times in logs depend on them',
  },
  workers: { places: ['server'], about: 'live workers of each pool that is used', why: 'without one nothing of the pool is deployed' },
  'worker-silent': { places: ['server'], about: 'workers that are no longer heard', why: 'they died, hang, or are cut off' },
  'worker-version': { places: ['server'], about: 'versions of workers and server', why: 'an older one may not know what the other says' },
  'worker-isolation': {
    places: ['server'],
    about: 'workers that run steps without isolation',
    why: 'a step there can do all that its user can',
  },
  queue: { places: ['server'], about: 'queues with items and nobody to take them', why: 'what waits there waits for ever' },
  'waiting-jobs': {
    places: ['server'],
    about: 'jobs that no live worker can take, or that wait for long',
    why: 'their deployments do not end',
  },
  'target-credential': {
    places: ['server'],
    about: 'expiry of the credential of each target',
    why: 'an expired one is refused by the API server',
  },
  'account-key': {
    places: ['server'],
    about: "whether the server's key sealed the account of each target",
    why: 'sealed with another key it cannot be opened',
  },
  audit: { places: ['server'], about: 'the record of who did what', why: 'one that somebody changed proves nothing' },
  'target-worker': {
    places: ['target'],
    about: 'a worker of its pool that may work for it',
    why: 'the checks run where its deployments would',
  },
  'target-dns': { places: ['target'], about: "the API server's name", why: 'without an address nothing is sent' },
  'target-tcp': { places: ['target'], about: 'connection to its port', why: 'a firewall in between stops everything' },
  'target-tls': { places: ['target'], about: 'its certificate', why: 'nothing is sent to who cannot prove to be it' },
  'target-expiry': {
    places: ['target'],
    about: 'last days of its certificate, its authorities and the account',
    why: 'what has expired stops every deployment',
  },
  'target-authentication': { places: ['target'], about: 'the credential', why: 'the API server must know the account' },
  'target-authorization': {
    places: ['target'],
    about: 'what the account may do in each namespace',
    why: 'a deployment stops at the first refusal',
  },
  'target-dry-run': {
    places: ['target'],
    about: 'a write that admission sees and nobody keeps',
    why: 'a deployment writes through the same admission',
  },
  'target-version': { places: ['target'], about: 'versions of kubectl and API server', why: 'one minor version apart is supported' },
  'target-clock': { places: ['target'], about: "the API server's clock", why: 'tokens and certificates depend on it' },
  'target-image': {
    places: ['target'],
    about: "the execution image for the server's version, on the worker's host",
    why: 'steps run in it, and workers pull nothing',
  },
} as const

export type CheckId = keyof typeof checkTable

export const checkIds: readonly CheckId[] = Object.keys(checkTable) as CheckId[]

/** A row of the table. */
export const checkRow = (id: CheckId): CheckRow => checkTable[id]
