/** Whose fault an error is: it decides the result class and who is called at night. */
export type Fault = 'user' | 'target' | 'infrastructure' | 'bug'

type ErrorRow = readonly [number: number, fault: Fault, retryable: boolean, hint: string]

/**
 * Every code that a user can meet: number, whose fault, whether trying again may help, and the next step for a person.
 * docs/reference/errors.md is tested against this table.
 */
export const errorTable = {
  // 10xx: what was asked for
  invalid_input: [1001, 'user', false, 'Correct the named field and send the request again.'],
  invalid_manifest: [1002, 'user', false, 'Correct the file at the named line.'],
  empty_package: [1003, 'user', false, 'Point at a file or folder with at least one Kubernetes object, or at a chart.'],
  package_too_large: [1004, 'user', false, 'Deploy a smaller folder: the limit is 64 MiB packed.'],
  package_refused: [1005, 'user', false, 'Remove the named entry from the folder: links, devices and paths outside it are not taken.'],
  package_missing: [1006, 'user', false, 'Upload the package first, or deploy again from the folder.'],
  invalid_kubeconfig: [1007, 'user', false, 'Correct the named field, or use a context with a token or a client certificate.'],
  kubeconfig_plugin: [
    1008,
    'user',
    false,
    'Programs of a kubeconfig are run by telpher target add and remove alone, once and after a yes; else use a context with a token or a client certificate.',
  ],
  invalid_process: [1009, 'user', false, 'Correct the process file; every problem of it is shown by: telpher lint'],
  unknown_target: [1010, 'user', false, 'List the targets with: telpher target list'],
  target_exists: [1011, 'user', false, 'Choose another name, or remove the target first: telpher target remove NAME'],
  target_in_use: [1012, 'user', false, 'Wait for its deployments to end: telpher status'],
  unknown_deployment: [1013, 'user', false, 'List the deployments with: telpher status'],
  unknown_route: [1014, 'user', false, 'The routes are listed at /openapi.json'],
  idempotency_mismatch: [1015, 'user', false, 'Use a new Idempotency-Key for a different request.'],
  idempotency_in_flight: [1016, 'user', true, 'The first request with this Idempotency-Key is still running: ask again in a second.'],
  usage: [1017, 'user', false, 'See: telpher --help'],
  wait_timed_out: [1018, 'user', true, 'Wait again, or longer: what was waited for goes on.'],
  deployment_running: [
    1030,
    'user',
    false,
    'Wait for its end with: telpher status DEPLOYMENT --wait, or end it: telpher cancel DEPLOYMENT',
  ],
  nothing_failed: [1031, 'user', false, 'Run everything again with: telpher rerun DEPLOYMENT'],
  never_succeeded: [1032, 'user', false, 'Choose one that succeeded: telpher list --status success'],
  package_expired: [
    1033,
    'user',
    false,
    'Deploy from the folder or chart of that time: telpher deploy PATH; a package is kept for 30 days.',
  ],
  target_not_for_trials: [
    1040,
    'user',
    false,
    'Deploy to it from a pool whose workers use Docker; only a target for trials is added with: telpher target add NAME --trials',
  ],
  unknown_producer: [1050, 'user', false, 'List the producers with: telpher producer list'],
  producer_exists: [1051, 'user', false, 'Choose another name, or remove the producer first: telpher producer remove NAME'],
  submission_refused: [
    1052,
    'user',
    false,
    'Submit again with the key that was enrolled, and with a clock that is right: telpher producer list shows its fingerprint.',
  ],
  target_not_allowed: [1053, 'user', false, 'Enrol the producer for this target too: telpher producer add NAME --tag TAGS'],
  unknown_worker: [1060, 'user', false, 'List the workers with: telpher worker list'],
  unknown_freeze: [1061, 'user', false, 'List the freezes with: telpher freeze'],
  unknown_pool: [1062, 'user', false, 'List the pools with: telpher pool list'],
  pool_exists: [1063, 'user', false, 'Change it with: telpher pool edit NAME'],
  pool_cordoned: [1064, 'user', false, 'Take work for it again with: telpher pool resume NAME, or move the target to another pool.'],
  pool_in_use: [1065, 'user', false, 'Remove its targets or give them another pool first: telpher target list'],
  lock_busy: [1066, 'user', true, 'Wait for the other deployment, or leave out --when-busy fail: then this one waits for it.'],
  scale_refused: [
    1067,
    'infrastructure',
    true,
    'Give the account of the server the right to patch deployments/scale and pods there: docs/how-to/scale-workers.md',
  ],
  unknown_secret: [1070, 'user', false, 'List the secrets with: telpher secret list; store one with: telpher secret set NAME --file FILE'],
  secret_refused: [1071, 'user', false, 'Give text of 1 byte to 8 KiB in UTF-8 for the named secret, once.'],
  secret_expired: [1072, 'user', false, 'Deploy anew, and give the secret again: telpher deploy PATH --set-secret NAME=@FILE'],
  audit_log: [
    1081,
    'user',
    false,
    'Give the audit log of an API server: a file of --audit-log-path, plain or packed with gzip, or - for standard input.',
  ],
  // 11xx: access to Telpher itself
  unauthorized: [1101, 'user', false, 'Send the bearer token of the server: it is in the token file in its data folder.'],
  server_unreachable: [1102, 'infrastructure', true, 'Start one with: telpher dev, or name it with --server or TELPHER_SERVER.'],
  // 12xx: our own ground
  redis_unreachable: [1201, 'infrastructure', true, 'Check that Redis runs and that --redis names it.'],
  redis_version: [1202, 'infrastructure', false, 'Use Redis 6.2 or newer.'],
  redis_eviction: [1203, 'infrastructure', false, 'Run: redis-cli CONFIG SET maxmemory-policy noeviction, and put it into redis.conf.'],
  redis_persistence: [1204, 'infrastructure', false, 'Run: redis-cli CONFIG SET appendonly yes, and put it into redis.conf.'],
  redis_timeout: [1205, 'infrastructure', true, 'Redis did not answer in time: check its load and the network.'],
  redis_full: [
    1206,
    'infrastructure',
    true,
    'Give Redis more memory (maxmemory), or keep less: TELPHER_KEEP_DEPLOYMENTS and TELPHER_KEEP_LOG_DAYS.',
  ],
  redis_denied: [
    1207,
    'infrastructure',
    true,
    'Give its user what telpher redis-acl prints, on every node, and see that the address names user and password_file.',
  ],
  redis_tls: [1208, 'infrastructure', true, 'Use rediss:// where Redis speaks TLS, and name its CA with ca_file in the address.'],
  redis_file: [1209, 'infrastructure', false, 'Put the file there, readable for this process, or name another in the address.'],
  docker_unreachable: [1210, 'infrastructure', true, 'Check that the Docker engine runs and that its socket may be opened.'],
  image_missing: [
    1211,
    'infrastructure',
    false,
    'Build or load the execution image on the host of the worker: telpher image build NAME, or telpher image load FILE.',
  ],
  container_start: [1212, 'infrastructure', true, 'See the cause; the Docker engine of the worker refused to start the container.'],
  container_deviates: [
    1213,
    'infrastructure',
    false,
    'The engine changed the hardening of the container: check its configuration and plugins.',
  ],
  container_lost: [1214, 'infrastructure', true, 'The container vanished: check the Docker engine and the memory of the worker host.'],
  program_missing: [
    1215,
    'infrastructure',
    false,
    'Install kubectl and helm 4 and put them into the PATH of the worker, or let npm run dev put them into its cache.',
  ],
  unsafe_process: [1216, 'infrastructure', false, 'Start the server or worker without the named option or variable.'],
  image_tools: [1218, 'user', false, 'Say in the step which helm the image has, or take another image: telpher image list'],
  image_differs: [
    1219,
    'infrastructure',
    false,
    'Load the pinned image on the host of the worker, or pin the one that is there: telpher image pin NAME',
  ],
  key_file: [1220, 'infrastructure', false, 'The key file must be 32 random bytes, readable by its owner only (mode 0400).'],
  sealed_record: [
    1221,
    'infrastructure',
    false,
    'The record was sealed with another key, or changed: restore the key file that sealed it.',
  ],
  token_file: [1222, 'infrastructure', false, 'The token file must hold a token of Telpher, readable by its owner only (mode 0400).'],
  store_newer: [1231, 'infrastructure', false, 'Start the version of Telpher that wrote this data, or a newer one.'],
  store_migrating: [1232, 'infrastructure', true, 'Wait until the other server or worker has started, then start this one again.'],
  store_not_empty: [
    1233,
    'user',
    false,
    'Restore into a new installation: start a server with an empty Redis, and give it the key file of the one that was backed up.',
  ],
  backup_damaged: [1234, 'user', false, 'Take another copy of the file, or another backup; nothing can be made of a part of one.'],
  pipe_no_worker: [
    1261,
    'infrastructure',
    true,
    'Start a worker of this pool, of this version: telpher worker start; telpher worker list shows those that are heard.',
  ],
  pipe_unsent: [1262, 'infrastructure', true, 'Try again: another worker of the pool carries it. Nothing was sent to the target.'],
  pipe_cut: [1263, 'infrastructure', true, 'Try again if it may be done twice: another worker of the pool carries it.'],
  pipe_refused: [1264, 'infrastructure', true, 'Try again: the target was changed meanwhile, or has another pool; see telpher target list'],
  pipe_busy: [1265, 'infrastructure', true, 'Start more workers of this pool, or try again when fewer requests are underway.'],
  pool_key_file: [
    1271,
    'infrastructure',
    false,
    'Enrol the workers of the pool (telpher pool enroll POOL --out FILE) and name the file with TELPHER_POOL_KEY_FILE.',
  ],
  enrolment_refused: [
    1272,
    'infrastructure',
    false,
    'Enrol the workers of the pool anew: telpher pool enroll POOL --out FILE; telpher pool enrolments shows what is enrolled.',
  ],
  envelope_refused: [
    1273,
    'infrastructure',
    false,
    'Somebody else than a server wrote into the queue, or the worker was enrolled elsewhere: enrol it anew, and see who reaches Redis.',
  ],
  envelope_expired: [1274, 'infrastructure', true, 'Nothing: the scheduler signs another.'],
  grant_refused: [1275, 'infrastructure', false, 'The worker does not hold this attempt: another one took over, or its end was recorded.'],
  claim_unproven: [1276, 'infrastructure', true, 'The claim of the worker is not renewed: check its way to Redis, and its load.'],
  broker_timeout: [1277, 'infrastructure', true, 'No server answered the worker: check that one runs (telpher doctor) and reaches Redis.'],
  answer_refused: [
    1278,
    'infrastructure',
    false,
    'Enrol the worker anew with the servers that it is to work for, and see who reaches Redis.',
  ],
  unknown_enrolment: [1279, 'user', false, 'List the enrolments with: telpher pool enrolments'],
  enrolment_exists: [1280, 'user', false, 'Make another key: telpher pool enroll POOL --out FILE'],
  request_repeated: [1281, 'infrastructure', false, 'Nothing: the first of the two requests is answered.'],
  server_closing: [1291, 'infrastructure', true, 'Ask another server: this one ends what it began and takes nothing new.'],
  // 13xx: tether
  tether_version: [
    1301,
    'infrastructure',
    false,
    'Give the worker the shim of its own version: TELPHER_SHIM names it, and a worker that is updated brings it.',
  ],
  tether_protocol: [1302, 'infrastructure', false, 'The container sent what no shim sends: check the execution image.'],
  tether_cut: [
    1303,
    'infrastructure',
    true,
    'The connection to the container broke before its exit record: check the engine and deploy again.',
  ],
  tether_silent: [1304, 'infrastructure', true, 'Nothing was heard from the container: check the load of the worker host.'],
  tether_corrupt: [1305, 'infrastructure', true, 'The output does not match its checksum: deploy again, then check the worker host.'],
  job_not_started: [1306, 'infrastructure', false, 'The program is not in the execution image: choose an image that has it.'],
  job_oom: [1307, 'target', false, 'The step ran out of memory: raise its memory limit.'],
  // 131x: rotation of accounts
  rotation_unverified: [
    1310,
    'target',
    true,
    'The credential in use stays; see what is wrong with the new one, and try again: telpher account status TARGET',
  ],
  rotation_barrier: [
    1311,
    'infrastructure',
    true,
    'The old credential is kept until Redis shows that the new one lasts: check its append-only file and its replicas.',
  ],
  rotation_unconfirmed: [1312, 'target', true, 'The old credential still works: see telpher account status TARGET for what ends it.'],
  rotation_refused: [1313, 'user', false, 'See telpher account status TARGET for what can be done now.'],
  rotation_mint: [
    1314,
    'target',
    false,
    'Give its identity the right to renew itself: telpher account repair TARGET --from-kubeconfig CONTEXT',
  ],
  rotation_too_late: [1315, 'user', false, 'The credential before it is dead: rotate again, or repair the account.'],
  // 155x: more of the rotation of accounts
  rotation_place: [
    1551,
    'infrastructure',
    true,
    'Nothing: five accounts of a cluster are rotated at a time, and the others when those are done.',
  ],
  rotation_undone: [
    1552,
    'target',
    true,
    'The version before is used again; see what refused the new one, then: telpher account rotate TARGET',
  ],
  rotation_replicas: [
    1553,
    'infrastructure',
    true,
    'The old credential is kept until every connected replica has the new one: see which lags with redis-cli INFO replication, and restart or detach it.',
  ],
  worker_stopped: [1330, 'infrastructure', true, 'Nothing: another worker takes the job up.'],
  // 14xx: the target
  target_dns: [1401, 'target', true, 'Check the host name in the server address of the target.'],
  target_unreachable: [1402, 'target', true, 'Check address, port and firewall between the worker and the API server.'],
  target_tls: [1403, 'target', false, 'Check the CA bundle and the server name of the target.'],
  target_certificate_expired: [1404, 'target', false, 'Renew the certificate of the API server.'],
  target_unauthorized: [1405, 'target', false, 'The credential was refused: add the target again with a valid one.'],
  target_forbidden: [1406, 'target', false, 'Grant the named verb on the named resource to the account, or choose another namespace.'],
  target_timeout: [1407, 'target', true, 'The API server did not answer in time: check its load.'],
  target_error: [1408, 'target', true, 'See the answer of the API server.'],
  credential_expired: [1409, 'target', false, 'Add the target again with a valid credential.'],
  target_not_kubernetes: [
    1410,
    'target',
    false,
    'Check the server address of the target, and log in to the network if it asks for that; proxies must let API requests through.',
  ],
  mint_refused: [
    1411,
    'target',
    false,
    'Check the bootstrap identity and the deployer account of the target (docs/reference/credentials.md), then add the target again.',
  ],
  grant_revoked: [1412, 'infrastructure', false, 'The credential of this attempt was revoked: another attempt or a person took over.'],
  fence_unproven: [1413, 'target', true, 'The API server still takes the credential of a lost attempt: delete its Secret by hand.'],
  in_cluster: [
    1414,
    'infrastructure',
    false,
    'Run the workers of this pool in the target cluster with a service account, or choose another mode.',
  ],
  setup_refused: [1415, 'target', false, 'Correct what is named; a risk that is meant is taken with --acknowledge.'],
  version_skew: [
    1420,
    'user',
    false,
    'Use an execution image with a kubectl of the server’s version (telpher image list), or let the worker warn: TELPHER_VERSION_SKEW=warn.',
  ],
  issuer_missing: [
    1421,
    'user',
    false,
    'Say on the server with TELPHER_ISSUER_URL under which https:// address API servers reach it, or choose another mode.',
  ],
  token_refused: [1422, 'bug', false, 'No token is signed that would not say whose it is: add the target again, and report it.'],
  // 15xx: the gate
  gate_nonce: [1501, 'bug', false, 'Only the tools of the step may use its connection.'],
  gate_path: [1502, 'user', false, 'The request is not a Kubernetes API path.'],
  gate_namespace: [
    1503,
    'user',
    false,
    'Add the namespace to the target (telpher target add … --namespace), or deploy into an allowed one.',
  ],
  gate_denied: [1504, 'user', false, 'This needs a grant by name in the policy of the target.'],
  gate_superseded: [1505, 'infrastructure', false, 'Another attempt took over this job; its result counts.'],
  gate_closed: [1506, 'infrastructure', false, 'The step has ended; its connection is shut.'],
  // 151x: several versions side by side, and long outages
  server_outdated: [
    1511,
    'infrastructure',
    true,
    'Replace this server by one of the newest version that runs here; until then newer servers have to answer (docs/how-to/upgrade.md).',
  ],
  store_older: [
    1512,
    'infrastructure',
    true,
    'Start a server of this version first: servers take the data to their version, workers and producers come after them (docs/how-to/upgrade.md).',
  ],
  store_in_use: [
    1513,
    'infrastructure',
    true,
    'End the programs of the older version that are named, then start this one again: the next form of the data is nothing for them (docs/how-to/upgrade.md).',
  ],
  log_unwritten: [
    1514,
    'infrastructure',
    true,
    'See why Redis was away for so long; the step is begun anew once its worker is known to have given it up.',
  ],
  // 153x: master keys
  unknown_key: [1531, 'user', false, 'List the master keys with: telpher keys list'],
  key_seals: [1532, 'user', false, 'Let another key seal first: docs/how-to/change-the-master-key.md'],
  key_in_use: [1533, 'user', false, 'Seal what is left with the key of TELPHER_KEY_FILE: telpher keys rotate'],
  key_dropped: [
    1534,
    'infrastructure',
    false,
    'Name the file of the key that followed it with TELPHER_KEY_FILE; one that was dropped by mistake is taken back with: redis-cli HDEL tel:{keys}:dropped KEY',
  ],
  upload_refused: [
    1535,
    'infrastructure',
    true,
    'Start a server of this version: it says what packages are sealed to. Where one runs, see who else writes to Redis, or enrol the producer anew: telpher producer add NAME',
  ],
  credential_in_clear: [
    1536,
    'user',
    false,
    'Give it as a secret, which is sealed: --set-secret PATH=@FILE (docs/how-to/give-secrets-to-steps.md)',
  ],
  target_changed: [
    1537,
    'infrastructure',
    false,
    'See who writes to Redis besides the servers, then remove the target and add it again: telpher target remove NAME',
  ],
  // 156x: what workers refuse whatever they are asked
  target_address: [
    1561,
    'target',
    false,
    'Give the target the address of its API server. One on the same host, or another that is refused, is allowed to workers by TELPHER_TARGET_NETWORKS.',
  ],
  image_unpinned: [
    1562,
    'user',
    false,
    'Pin the image if it is meant: telpher image pin NAME; or let the worker start others: TELPHER_UNPINNED_IMAGES=run.',
  ],
  // 16xx: how a deployment can end
  apply_failed: [1601, 'target', false, 'See the named object and what the API server said about it.'],
  helm_failed: [1602, 'target', false, 'See the last lines of the log.'],
  chart_invalid: [1603, 'user', false, 'Correct the chart or its values: helm could not render it.'],
  verify_failed: [1604, 'target', false, 'See the chain of causes and the last lines of the container.'],
  deadline_passed: [1605, 'target', true, 'Raise the deadline of the step, or see what it waited for.'],
  cancelled: [1606, 'user', false, 'Deploy again when wanted.'],
  job_lost: [1607, 'infrastructure', false, 'See what the ledger says was written, then deploy again.'],
  helm_pending: [
    1608,
    'target',
    false,
    'Wait until the other helm has ended; once it is known to be dead, deploy with --take-over: its revision is marked as failed.',
  ],
  immutable_field: [1609, 'target', false, 'The named field cannot change: delete the object, or give it a new name.'],
  quota_exceeded: [1610, 'target', false, 'Raise the quota of the namespace or ask for less.'],
  admission_denied: [1611, 'target', false, 'An admission webhook or policy of the cluster refused the object: see its message.'],
  start_cap: [
    1612,
    'infrastructure',
    false,
    'See in telpher view DEPLOYMENT which workers died under it and what was written; deploy again when that is understood.',
  ],
  internal: [1900, 'bug', false, 'This is our mistake: please report it with the request id.'],
} as const

export type ErrorCode = keyof typeof errorTable

const rowOf = (code: ErrorCode): ErrorRow => errorTable[code]

/** The public form of a code, such as `TEL-1010`. */
export const errorNumber = (code: ErrorCode): string => `TEL-${rowOf(code)[0]}`

/**
 * The one error class: a code from the table, a sentence that says what and where, the cause kept.
 * The message must never hold a secret: it is printed, stored and sent.
 */
export class TelpherError extends Error {
  override readonly name = 'TelpherError'
  readonly code: ErrorCode
  /** The field, file:line or object that the error is about. */
  readonly field?: string

  constructor(code: ErrorCode, message: string, options: { readonly cause?: unknown; readonly field?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    if (options.field !== undefined) this.field = options.field
  }

  get fault(): Fault {
    return rowOf(this.code)[1]
  }

  get retryable(): boolean {
    return rowOf(this.code)[2]
  }

  get hint(): string {
    return rowOf(this.code)[3]
  }
}

/** Whatever was thrown, as a TelpherError: unknown things are our mistake (`internal`), never a retry. */
export const toTelpherError = (thrown: unknown): TelpherError =>
  thrown instanceof TelpherError
    ? thrown
    : new TelpherError('internal', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
