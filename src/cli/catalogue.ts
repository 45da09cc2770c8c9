import type { Risk } from '../credentials/bootstrap/risks.ts'
import { execImages } from '../model/image.ts'
import type { BusyPolicy, Priority } from '../model/step.ts'
import type { AccountMode, policyGrants } from '../model/target.ts'
import type { CommandSpec, OptionSpec } from './spec.ts'

const grants: readonly (typeof policyGrants)[number][] = [
  'cluster-scoped-writes',
  'service-account-tokens',
  'token-secrets',
  'proxy',
  'nodes',
  'certificate-signing-requests',
  'bind',
  'escalate',
  'impersonate',
  'webhook-configurations',
]

const modes: readonly AccountMode[] = ['federated', 'token-request', 'in-cluster', 'static-token', 'client-certificate']

const risks: readonly Risk[] = ['wildcards', 'escalation', 'cluster-secrets']

const priorities: readonly Priority[] = ['high', 'normal', 'low']

const busyPolicies: readonly BusyPolicy[] = ['wait', 'yield', 'fail']

const waiting: readonly OptionSpec[] = [{ flags: '--timeout <duration>', about: 'wait at most so long; the deployment goes on' }]

const starting: readonly OptionSpec[] = [
  { flags: '--wait', about: 'wait for the end, which is the default' },
  { flags: '--no-wait', about: 'start it and return' },
  ...waiting,
  { flags: '--idempotency-key <key>', about: 'the same key starts the same deployment only once' },
]

const inputs: OptionSpec = { flags: '--input <name=value>', about: 'input of the process; may be repeated', many: 'values' }

const grace: OptionSpec = {
  flags: '--grace <name=duration>',
  about: 'how long a trouble may last before it is a failure, such as imagePull=2m (docs/reference/graces.md); may be repeated',
  many: 'values',
}

const daily: readonly CommandSpec[] = [
  {
    path: ['deploy'],
    args: '[path]',
    values: 'files',
    about: 'deploy what a process file says, telpher.yaml when nothing is named; or a file, a folder, a glob of manifests, or a Helm chart',
    options: [
      { flags: '-f, --file <file>', about: 'process file', values: 'files' },
      inputs,
      { flags: '-t, --target <name>', about: 'target to deploy to; may be repeated', many: 'names', values: 'targets' },
      { flags: '--tag <tags>', about: 'all targets with these tags: env=prod and not legacy; repeated, all must hold', many: 'names' },
      { flags: '--max-parallel <n>', about: 'targets that are worked on at a time; all when absent' },
      { flags: '--canary <n|names>', about: 'targets that must succeed before any other is begun: how many, or which, with commas' },
      { flags: '--stop-after <n>', about: 'after so many failed targets no other is begun' },
      { flags: '--priority <priority>', about: 'begins before or after others where not all can', choices: priorities },
      { flags: '--weight <n>', about: 'its share of the workers beside other deployments, 1 to 100; 1 when absent' },
      {
        flags: '--when-busy <policy>',
        about: 'when another deployment holds what it changes: wait; yield, to give way to a newer one while it waits; fail',
        choices: busyPolicies,
      },
      { flags: '--helm <release>', about: 'the path is a chart: install or upgrade this release' },
      { flags: '--values <file>', about: 'values file of the chart; may be repeated, later ones win', many: 'values', values: 'files' },
      { flags: '--set <name=value>', about: 'value of the chart; may be repeated', many: 'values' },
      {
        flags: '--set-secret <name=from>',
        about: 'value of the chart that nobody sees: NAME=@FILE, NAME=- for standard input, NAME=secret:STORED; may be repeated',
        many: 'values',
      },
      { flags: '-n, --namespace <name>', about: "namespace; the target's own when absent" },
      { flags: '--create-namespace', about: 'create the namespace of the release' },
      { flags: '--take-over', about: 'mark a revision of the release that somebody else left pending as failed, and go on' },
      { flags: '--helm-version <major>', about: 'helm 3 or 4 for the release; 4 when absent', choices: ['3', '4'] },
      { flags: '--name <name>', about: 'name of the step, by which its objects are remembered; from the path when absent' },
      { flags: '--deadline <duration>', about: 'whole time of a job once started, such as 10m' },
      {
        flags: '--phase-deadline <phase=duration>',
        about:
          'how long a phase may last: admission, queue, image, start, run, verify, cleanup (docs/reference/graces.md); may be repeated',
        many: 'values',
      },
      { flags: '--total-deadline <duration>', about: 'whole time of the deployment, waiting included, such as 2h' },
      grace,
      { flags: '--retries <n>', about: 'how often a job is tried again after trouble of the infrastructure or the way to the target' },
      ...starting,
    ],
    examples: [
      'telpher deploy',
      'telpher deploy -f deploy/telpher.yaml --input version=1.4.2 --tag env=prod',
      'telpher deploy ./manifests --target staging',
      'telpher deploy ./chart --helm web --target staging --namespace shop --set replicas=2',
      'telpher deploy ./chart --helm web --target staging --set-secret db.password=@password.txt',
      'telpher deploy ./chart --helm web --target staging --helm-version 3',
      'telpher deploy ./manifests --tag env=prod --no-wait -o json',
      'telpher deploy --tag env=prod --canary 1 --max-parallel 10 --stop-after 3',
    ],
    load: async () => (await import('./deploy.ts')).runDeploy,
  },
  {
    path: ['status'],
    args: '[deployment]',
    values: 'deployments',
    about: 'one deployment, or the last ones',
    options: [
      { flags: '--limit <n>', about: 'how many', fallback: '20' },
      { flags: '--cursor <cursor>', about: 'the page after this deployment' },
      { flags: '-w, --wait', about: 'follow it to its end' },
      ...waiting,
    ],
    examples: ['telpher status', 'telpher status dep_01JD0000000000000000000000 --wait'],
    load: async () => (await import('./status.ts')).runStatus,
  },
  {
    path: ['logs'],
    args: '<deployment>',
    values: 'deployments',
    about: 'the output of its jobs',
    options: [
      { flags: '-f, --follow', about: 'until they end' },
      { flags: '--job <job>', about: 'only of this job, step or target' },
      { flags: '--from <line>', about: 'from this line number on' },
      { flags: '--tail <lines>', about: 'only the last so many lines, at most 10000' },
      { flags: '--search <text>', about: 'only lines that hold this, and how many there are' },
      { flags: '--raw', about: 'the output alone, byte for byte' },
    ],
    examples: ['telpher logs dep_01JD0000000000000000000000', 'telpher logs dep_01JD0000000000000000000000 -f --job staging'],
    load: async () => (await import('./logs.ts')).runLogs,
  },
  {
    path: ['cancel'],
    args: '<deployment>',
    values: 'deployments',
    about: 'end a deployment: programs get 30 s to end by themselves, which helm uses to record its release',
    options: [{ flags: '--force', about: 'kill them at once; the release of a killed helm is marked as failed by Telpher' }],
    examples: ['telpher cancel dep_01JD0000000000000000000000', 'telpher cancel dep_01JD0000000000000000000000 --force'],
    load: async () => (await import('./cancel.ts')).runCancel,
  },
  {
    path: ['freeze'],
    args: '[target]',
    values: 'targets',
    about: 'let nothing new begin at a target for a while; without a target or tags: list the freezes',
    options: [
      { flags: '--tag <tags>', about: 'all targets with these tags, those added later too: env=prod and not legacy' },
      { flags: '--reason <text>', about: 'why, for those who wait' },
      { flags: '--for <duration>', about: 'it ends by itself after this; else with telpher unfreeze' },
    ],
    examples: [
      'telpher freeze prod-eu --reason maintenance --for 8h',
      'telpher freeze --tag env=prod --reason "year end"',
      'telpher freeze',
    ],
    load: async () => (await import('./freeze.ts')).runFreeze,
  },
  {
    path: ['unfreeze'],
    args: '<freeze>',
    about: 'end a freeze: what waited begins',
    examples: ['telpher unfreeze frz_01JD0000000000000000000000'],
    load: async () => (await import('./freeze.ts')).runUnfreeze,
  },
]

const history: readonly CommandSpec[] = [
  {
    path: ['list'],
    aliases: ['ls'],
    about: 'deployments, newest first; all that is asked for must hold',
    options: [
      { flags: '--status <status>', about: 'state or result, such as success or failure; may be repeated', many: 'names' },
      { flags: '-t, --target <name>', about: 'that went to this target', values: 'targets' },
      { flags: '-n, --namespace <name>', about: 'that wrote to this namespace' },
      { flags: '--name <text>', about: 'whose name, or whose process has it, contains this' },
      { flags: '--tag <tag>', about: 'that asked for this tag, or went to a target that has it' },
      { flags: '--since <time>', about: 'started then or later: 2026-11-23, 2026-11-23T14:30:00Z, or 2h ago as 2h' },
      { flags: '--until <time>', about: 'started then or earlier' },
      { flags: '--limit <n>', about: 'how many', fallback: '20' },
      { flags: '--cursor <cursor>', about: 'the page after this deployment' },
    ],
    examples: ['telpher list', 'telpher list --status failure --target staging --since 2h', 'telpher list --name shop --limit 50 -o json'],
    load: async () => (await import('./list.ts')).runList,
  },
  {
    path: ['view'],
    args: '<deployment>',
    values: 'deployments',
    about: 'one deployment in full: request, inputs, packages, jobs, attempts, verdicts, where it comes from',
    examples: ['telpher view dep_01JD0000000000000000000000'],
    load: async () => (await import('./view.ts')).runView,
  },
  {
    path: ['retry'],
    args: '<deployment>',
    values: 'deployments',
    about: 'the failed part once more: from the failed step on, on the targets where it failed',
    options: starting,
    examples: ['telpher retry dep_01JD0000000000000000000000'],
    load: async () => (await import('./again.ts')).runRetry,
  },
  {
    path: ['rerun'],
    args: '<deployment>',
    values: 'deployments',
    about: 'everything once more, with the same packages and inputs',
    options: starting,
    examples: ['telpher rerun dep_01JD0000000000000000000000 --no-wait'],
    load: async () => (await import('./again.ts')).runRerun,
  },
  {
    path: ['rollback'],
    about: 'the packages and inputs of an earlier deployment, on its targets',
    options: [{ flags: '--to <deployment>', about: 'the deployment to go back to', required: true, values: 'deployments' }, ...starting],
    examples: ['telpher rollback --to dep_01JD0000000000000000000000'],
    load: async () => (await import('./again.ts')).runRollback,
  },
  {
    path: ['diff-runs'],
    args: '<a> <b>',
    values: 'deployments',
    about: 'what differs between two deployments: inputs, steps, values, files, targets, results, times',
    examples: ['telpher diff-runs dep_01JD0000000000000000000000 dep_01JD0000000000000000000001'],
    load: async () => (await import('./diff-runs.ts')).runDiffRuns,
  },
]

const offline: readonly CommandSpec[] = [
  {
    path: ['doctor'],
    about: 'what is wrong, and the command that mends it: of the server where one is found, else of this machine',
    options: [
      { flags: '--pre', about: 'this machine, before anything runs: needs no server' },
      { flags: '--server', about: 'the server and all behind it: Redis, workers, queues, targets' },
      { flags: '-t, --target <name>', about: 'what a deployment to it would meet; may be repeated', many: 'names', values: 'targets' },
      { flags: '--timeout <duration>', about: "wait at most so long for a worker of the target's pool", fallback: '60s' },
    ],
    examples: ['telpher doctor', 'telpher doctor --pre', 'telpher doctor --server --target staging -o json'],
    load: async () => (await import('./doctor.ts')).runDoctor,
  },
  {
    path: ['assess'],
    args: '[files...]',
    about: 'say of objects from files, or from standard input (-), whether they are current; one JSON answer a line',
    examples: ['telpher assess objects.ndjson', 'telpher assess deployment.yaml service.json', 'telpher assess -'],
    load: async () => (await import('./assess.ts')).runAssess,
  },
]

const processFile: readonly CommandSpec[] = [
  {
    path: ['init'],
    about: 'write a telpher.yaml for the manifests and charts in this folder',
    options: [{ flags: '--force', about: 'overwrite the one that is there' }],
    examples: ['telpher init'],
    load: async () => (await import('./init.ts')).runInit,
  },
  {
    path: ['lint'],
    args: '[file]',
    about: 'every problem of a process file, telpher.yaml when none is named; needs no server',
    options: [inputs],
    examples: ['telpher lint', 'telpher lint deploy/telpher.yaml --input version=1.4.2 -o json'],
    load: async () => (await import('./lint.ts')).runLint,
  },
  {
    path: ['schema'],
    about: 'the JSON Schema of process files, for editors',
    examples: ['telpher schema', 'telpher schema -o yaml'],
    load: async () => (await import('./schema.ts')).runSchema,
  },
]

const runPlugin: OptionSpec = { flags: '--run-plugin', about: "run the program that gives the context's credential without a question" }

const trusted: readonly OptionSpec[] = [
  { flags: '--issuer-ca <file>', about: 'mode federated: authorities of the web server that has the issuer', values: 'files' },
  { flags: '--discovery-url <url>', about: "mode federated: where the API server finds the issuer's document, if not under its address" },
]

const target: readonly CommandSpec[] = [
  {
    path: ['target', 'add'],
    aliases: ['new'],
    args: '<name>',
    about: 'add a target from a context of a kubeconfig',
    options: [
      { flags: '--from-kubeconfig <context>', about: 'context to take', required: true },
      { flags: '--file <file>', about: 'kubeconfig; KUBECONFIG or ~/.kube/config when absent', values: 'files' },
      {
        flags: '--alternate <url>',
        about: 'another address of the same API server, for when one cannot be reached; may be repeated',
        many: 'values',
      },
      runPlugin,
      { flags: '-n, --namespace <name>', about: 'namespace that it may write to; may be repeated', many: 'names' },
      { flags: '--tag <tag>', about: 'tag; may be repeated', many: 'names' },
      { flags: '--pool <name>', about: 'pool whose workers reach it' },
      { flags: '--grant <grant>', about: 'exception to what the gate denies; may be repeated', many: 'names', choices: grants },
      { flags: '--settle <duration>', about: 'time that workloads without a readiness probe must stay up' },
      grace,
      { flags: '--limit <n>', about: 'jobs that run at it at a time' },
      { flags: '--cluster-limit <n>', about: 'jobs that run at a time over all targets in its cluster' },
      {
        flags: '--rotate-every <duration>',
        about: 'time between two rotations of its account, at most 5 days; 24h when absent, 0 for never',
      },
      { flags: '--trials', about: 'for trials: workers without isolation (worker start --executor process) may run its steps' },
      { flags: '--mode <mode>', about: 'how its attempts get credentials', choices: modes, fallback: 'token-request' },
      { flags: '--cluster-wide', about: 'its identity may write to every namespace' },
      { flags: '--home <namespace>', about: "namespace for Telpher's service accounts in the cluster", fallback: 'telpher' },
      { flags: '--acknowledge <risk>', about: 'take a risk that is refused otherwise; may be repeated', many: 'names', choices: risks },
      { flags: '--bootstrap-token <file>', about: 'set nothing up: use this token of the bootstrap identity (- for standard input)' },
      ...trusted,
      { flags: '--print-rbac', about: 'print what would be set up, for people who apply it themselves' },
      { flags: '-y, --yes', about: 'set it up without a question' },
      { flags: '--timeout <duration>', about: 'wait at most so long until a worker of its pool has tried it', fallback: '30s' },
    ],
    examples: ['telpher target add staging --from-kubeconfig my-context --namespace shop --tag env=staging'],
    load: async () => (await import('./target-add.ts')).runTargetAdd,
  },
  {
    path: ['target', 'list'],
    aliases: ['ls'],
    about: 'all targets',
    examples: ['telpher target list', 'telpher targets ls -o json'],
    load: async () => (await import('./target.ts')).runTargetList,
  },
  {
    path: ['target', 'view'],
    args: '<name>',
    values: 'targets',
    about: 'one target',
    examples: ['telpher target view staging'],
    load: async () => (await import('./target.ts')).runTargetView,
  },
  {
    path: ['target', 'check'],
    args: '<name>',
    values: 'targets',
    about: 'can its deployments run? tried by a worker of its pool',
    options: [{ flags: '--timeout <duration>', about: 'wait at most so long for a worker', fallback: '60s' }],
    examples: ['telpher target check staging'],
    load: async () => (await import('./target-check.ts')).runTargetCheck,
  },
  {
    path: ['target', 'edit'],
    args: '<name>',
    values: 'targets',
    about: 'change where a target is and which authorities it is trusted by; what is not said stays',
    options: [
      { flags: '--server <url>', about: 'address of its API server; repeated: further ones, tried in turn', many: 'values' },
      { flags: '--ca <file>', about: 'authorities, in PEM; several may overlap', values: 'files' },
      { flags: '--add-ca <file>', about: 'authorities beside those that are there', values: 'files' },
      { flags: '--tls-server-name <name>', about: "name that its certificate is for, if not the address's; an empty one for that again" },
    ],
    examples: ['telpher target edit prod --add-ca next-ca.pem', 'telpher target edit prod --server https://a:6443 --server https://b:6443'],
    load: async () => (await import('./target-edit.ts')).runTargetEdit,
  },
  {
    path: ['target', 'remove'],
    aliases: ['rm'],
    args: '<name>',
    values: 'targets',
    about: 'remove a target and its account',
    options: [
      { flags: '--from-kubeconfig <context>', about: 'context with which its identity is removed from the cluster, too' },
      { flags: '--file <file>', about: 'kubeconfig; KUBECONFIG or ~/.kube/config when absent', values: 'files' },
      runPlugin,
    ],
    examples: ['telpher target remove staging'],
    load: async () => (await import('./target.ts')).runTargetRemove,
  },
]

const issuer: readonly CommandSpec[] = [
  {
    path: ['issuer', 'config'],
    args: '[targets...]',
    values: 'targets',
    about: 'the AuthenticationConfiguration by which an API server trusts targets of the mode federated; all of them when none is named',
    options: trusted,
    examples: ['telpher issuer config prod', 'telpher issuer config prod test --issuer-ca ca.pem'],
    load: async () => (await import('./issuer.ts')).runIssuerConfig,
  },
  {
    path: ['issuer', 'export'],
    args: '<dir>',
    values: 'files',
    about: 'write the documents of the mode federated into a folder, for a web server that API servers can reach',
    examples: ['telpher issuer export ./public'],
    load: async () => (await import('./issuer.ts')).runIssuerExport,
  },
]

const engine: OptionSpec = {
  flags: '--docker-socket <path>',
  about: "socket of the Docker engine (TELPHER_DOCKER_SOCKET; the sandbox's, or Docker's usual one, when absent)",
  values: 'files',
}

const image: readonly CommandSpec[] = [
  {
    path: ['image', 'list'],
    aliases: ['ls'],
    about: 'execution images: their tools, the servers they are made for, which of them the engine here has',
    options: [engine],
    examples: ['telpher image list', 'telpher images ls -o json'],
    load: async () => (await import('./image/list.ts')).runImageList,
  },
  {
    path: ['image', 'build'],
    args: '[names...]',
    values: execImages.map(({ name }) => name),
    about: 'build execution images, the default one when none is named, and load them into the engine here',
    options: [
      { flags: '--all', about: 'every image' },
      { flags: '--arch <arch>', about: "architecture; this machine's when absent", choices: ['amd64', 'arm64'] },
      { flags: '--save <file>', about: 'write them to a file instead, for telpher image load or docker load', values: 'files' },
      { flags: '--busybox <file>', about: "static busybox to take; the distribution's when absent", values: 'files' },
      engine,
    ],
    examples: [
      'telpher image build k1.36-h4',
      'telpher image build --all --save images.tar',
      'telpher image build k1.34-h4 --arch arm64 --save arm64.tar',
    ],
    load: async () => (await import('./image/build.ts')).runImageBuild,
  },
  {
    path: ['image', 'load'],
    args: '<file>',
    values: 'files',
    about: 'load execution images from a file into the engine here',
    options: [engine],
    examples: ['telpher image load images.tar'],
    load: async () => (await import('./image/load.ts')).runImageLoad,
  },
  {
    path: ['image', 'pin'],
    args: '<image>',
    about: 'let workers start only this very image under its name: the one that the engine here has, or by id',
    options: [
      { flags: '--id <id>', about: 'id that is allowed, as sha256:…; may be repeated, for several architectures', many: 'names' },
      { flags: '--remove', about: 'take the pin away' },
      engine,
    ],
    examples: ['telpher image pin k1.34-h4', 'telpher image pin k1.34-h4 --remove'],
    load: async () => (await import('./image/pin.ts')).runImagePin,
  },
]

const producers: readonly CommandSpec[] = [
  {
    path: ['producer', 'add'],
    args: '<name>',
    about: 'enrol a service that submits deployments through Redis: make its key, or take the public one that it has',
    options: [
      { flags: '--key-file <file>', about: 'where its new private key goes; NAME.key when absent', values: 'files' },
      { flags: '--public-key <file>', about: 'Ed25519 public key in PEM of a key that it has', values: 'files' },
      {
        flags: '--tag <tags>',
        about: 'only targets for which these tags hold; repeated, one must hold; every target when absent',
        many: 'values',
      },
    ],
    examples: ['telpher producer add shop-api --tag env=staging', 'telpher producer add shop-api --public-key shop-api.pub'],
    load: async () => (await import('./producer.ts')).runProducerAdd,
  },
  {
    path: ['producer', 'list'],
    aliases: ['ls'],
    about: 'producers, where they may deploy to, and the fingerprints of their keys',
    examples: ['telpher producer list', 'telpher producers ls -o json'],
    load: async () => (await import('./producer.ts')).runProducerList,
  },
  {
    path: ['producer', 'remove'],
    aliases: ['rm'],
    args: '<name>',
    about: 'take nothing more of a producer; what it started goes on',
    examples: ['telpher producer remove shop-api'],
    load: async () => (await import('./producer.ts')).runProducerRemove,
  },
]

const secrets: readonly CommandSpec[] = [
  {
    path: ['secret', 'list'],
    aliases: ['ls'],
    about: 'stored secrets: names, versions and keyed fingerprints, never values',
    examples: ['telpher secret list', 'telpher secrets ls -o json'],
    load: async () => (await import('./secret.ts')).runSecretList,
  },
  {
    path: ['secret', 'set'],
    args: '<name>',
    about: 'store a secret for steps, or its next value; the end of a single line is no part of it',
    options: [{ flags: '--file <file>', about: 'file with the value, or - for standard input', required: true, values: 'files' }],
    examples: ['telpher secret set db-password --file password.txt', 'telpher secret set db-password --file -'],
    load: async () => (await import('./secret.ts')).runSecretSet,
  },
  {
    path: ['secret', 'remove'],
    aliases: ['rm'],
    args: '<name>',
    about: 'remove a secret: steps that need it fail from now on',
    examples: ['telpher secret remove db-password'],
    load: async () => (await import('./secret.ts')).runSecretRemove,
  },
]

const rotating: readonly OptionSpec[] = [
  { flags: '--no-wait', about: 'ask for it and return' },
  { flags: '--timeout <duration>', about: 'wait at most so long; it goes on', fallback: '5m' },
]

const account: readonly CommandSpec[] = [
  {
    path: ['account', 'status'],
    args: '[target]',
    values: 'targets',
    about: 'accounts of targets: mode, versions, expiry, next rotation, and what is wrong with the command that mends it',
    examples: ['telpher account status', 'telpher account status staging -o json'],
    load: async () => (await import('./account.ts')).runAccountStatus,
  },
  {
    path: ['account', 'rotate'],
    args: '<target>',
    values: 'targets',
    about: 'a new credential in the place of the one that is used: minted, or the one that is given',
    options: [
      { flags: '--from-kubeconfig <context>', about: 'take the token or the client certificate of this context' },
      { flags: '--file <file>', about: 'kubeconfig; KUBECONFIG or ~/.kube/config when absent', values: 'files' },
      { flags: '--token <file>', about: 'take this token; - for standard input', values: 'files' },
      ...rotating,
    ],
    examples: ['telpher account rotate staging', 'telpher account rotate legacy --from-kubeconfig legacy'],
    load: async () => (await import('./account.ts')).runAccountRotate,
  },
  {
    path: ['account', 'rollback'],
    args: '<target>',
    values: 'targets',
    about: 'use the credential before the last rotation again, as long as it was not revoked',
    options: rotating,
    examples: ['telpher account rollback staging'],
    load: async () => (await import('./account.ts')).runAccountRollback,
  },
  {
    path: ['account', 'revoke'],
    args: '[target]',
    values: 'targets',
    about: 'a credential is in wrong hands: mint another and end the one that is used, at once',
    options: [
      { flags: '--now', about: 'that it is meant', required: true },
      { flags: '--tag <tags>', about: 'of all targets with these tags: env=prod and not legacy', many: 'names' },
      { flags: '--all', about: 'of all targets' },
      ...rotating,
    ],
    examples: ['telpher account revoke staging --now', 'telpher account revoke --now --tag env=prod'],
    load: async () => (await import('./account.ts')).runAccountRevoke,
  },
  {
    path: ['account', 'repair'],
    args: '<target>',
    values: 'targets',
    about: 'bring an account back that cannot renew itself: with a context, or a token that somebody minted',
    options: [
      { flags: '--from-kubeconfig <context>', about: 'context that may set it up anew' },
      { flags: '--file <file>', about: 'kubeconfig; KUBECONFIG or ~/.kube/config when absent', values: 'files' },
      runPlugin,
      { flags: '--token <file>', about: 'take this token of the bootstrap identity; - for standard input', values: 'files' },
      { flags: '--cluster-wide', about: 'its identity may write to every namespace' },
      { flags: '-y, --yes', about: 'set it up without a question' },
      ...rotating,
    ],
    examples: ['telpher account repair staging', 'telpher account repair staging --from-kubeconfig my-context'],
    load: async () => (await import('./account-repair.ts')).runAccountRepair,
  },
]

const keys: readonly CommandSpec[] = [
  {
    path: ['keys', 'list'],
    aliases: ['ls'],
    about: 'master keys that the server has, and how many records of each kind are sealed with each',
    examples: ['telpher keys list', 'telpher keys ls -o json'],
    load: async () => (await import('./keys.ts')).runKeysList,
  },
  {
    path: ['keys', 'add'],
    args: '<file>',
    values: 'files',
    about: 'make a new master key in a file of this machine',
    examples: ['telpher keys add /etc/telpher/2027.key'],
    load: async () => (await import('./keys.ts')).runKeysAdd,
  },
  {
    path: ['keys', 'rotate'],
    about: 'seal everything that is sealed with the key of TELPHER_KEY_FILE; repeated, it goes on where it was',
    examples: ['telpher keys rotate'],
    load: async () => (await import('./keys.ts')).runKeysRotate,
  },
  {
    path: ['keys', 'drop'],
    args: '<key>',
    about: 'let a master key go that nothing is sealed with: no server starts with it any more',
    examples: ['telpher keys drop 0f1e2d3c4b5a6978'],
    load: async () => (await import('./keys.ts')).runKeysDrop,
  },
]

const poolSettings: readonly OptionSpec[] = [
  { flags: '--label <name=value>', about: 'label; may be repeated', many: 'values' },
  { flags: '--image <image>', about: "execution image of steps that name none, in place of the workers' own" },
  { flags: '--concurrency <n>', about: "steps that each worker runs at a time, in place of the workers' own setting" },
  { flags: '--limit <n>', about: 'jobs that it runs at a time, over all workers' },
  { flags: '--min <n>', about: 'workers that it has at least' },
  { flags: '--max <n>', about: 'workers that it has at most' },
  { flags: '--idle <n>', about: 'workers kept without work: min(max(idle, factor × busy), idle limit)' },
  { flags: '--factor <number>', about: 'of the busy ones, such as 0.5' },
  { flags: '--idle-limit <n>', about: 'at most so many without work' },
  { flags: '--cool-down <duration>', about: 'so long there must have been less to do before workers go; 2m when absent' },
  {
    flags: '--schedule <schedule>',
    about:
      'other bounds by cron, a time zone and what differs: "* 8-17 * * mon-fri Europe/Berlin min=2 max=10"; may be repeated, the last one that holds wins',
    many: 'values',
  },
  { flags: '--replicas <n>', about: 'so many workers, whatever there is to do' },
  { flags: '--kubernetes <namespace/name>', about: 'the Deployment of its workers, which the server scales' },
]

const because: OptionSpec = { flags: '--reason <text>', about: 'why, for those who wait' }

const pools: readonly CommandSpec[] = [
  {
    path: ['pool', 'list'],
    aliases: ['ls'],
    about: 'all pools: their workers, what they do, what waits',
    options: [{ flags: '--label <name=value>', about: 'only those that have this label; may be repeated', many: 'values' }],
    examples: ['telpher pool list', 'telpher pools ls --label region=eu -o json'],
    load: async () => (await import('./pool.ts')).runPoolList,
  },
  {
    path: ['pool', 'view'],
    args: '<name>',
    about: 'one pool, with what was said of it',
    examples: ['telpher pool view eu'],
    load: async () => (await import('./pool.ts')).runPoolView,
  },
  {
    path: ['pool', 'create'],
    aliases: ['new'],
    args: '<name>',
    about: 'say how a pool is to be; one of which nothing is said is there as soon as a target or a worker names it',
    options: poolSettings,
    examples: [
      'telpher pool create eu --label region=eu --min 1 --max 10 --idle 1',
      'telpher pool create eu --replicas 3 --image k1.36-h4',
    ],
    load: async () => (await import('./pool.ts')).runPoolCreate,
  },
  {
    path: ['pool', 'edit'],
    args: '<name>',
    about: 'change what is said of a pool; the rest stays',
    options: [
      ...poolSettings,
      {
        flags: '--unset <setting>',
        about: 'take a setting away; may be repeated',
        many: 'names',
        choices: ['labels', 'image', 'concurrency', 'limit', 'scaling', 'replicas', 'kubernetes'],
      },
    ],
    examples: ['telpher pool edit eu --max 20 --cool-down 5m', 'telpher pool edit eu --unset limit'],
    load: async () => (await import('./pool.ts')).runPoolEdit,
  },
  {
    path: ['pool', 'pause'],
    args: '<name>',
    about: 'let no job of a pool begin; what runs goes on',
    options: [because],
    examples: ['telpher pool pause eu --reason maintenance'],
    load: async () => (await import('./pool.ts')).runPoolPause,
  },
  {
    path: ['pool', 'cordon'],
    args: '<name>',
    about: 'take no new deployment for a pool; what was taken goes on to its end',
    options: [because],
    examples: ['telpher pool cordon eu --reason moving'],
    load: async () => (await import('./pool.ts')).runPoolCordon,
  },
  {
    path: ['pool', 'resume'],
    args: '<name>',
    about: 'end a pause or a cordon',
    examples: ['telpher pool resume eu'],
    load: async () => (await import('./pool.ts')).runPoolResume,
  },
  {
    path: ['pool', 'scale'],
    args: '<name> [replicas]',
    about: 'give a pool a number of workers, or let it be scaled by what there is to do',
    options: [{ flags: '--auto', about: 'by what there is to do, from 0 to 4 where nothing else is said' }],
    examples: ['telpher pool scale eu 3', 'telpher pool scale eu --auto'],
    load: async () => (await import('./pool.ts')).runPoolScale,
  },
  {
    path: ['pool', 'explain'],
    args: '<name>',
    about: 'how many workers a pool should have now, and how that comes about; changes nothing',
    examples: ['telpher pool explain eu'],
    load: async () => (await import('./pool.ts')).runPoolExplain,
  },
  {
    path: ['pool', 'enroll'],
    args: '<name>',
    about: 'make a key for workers of a pool: what they hold then is its file, and the server keeps the public half',
    options: [
      { flags: '--out <file>', about: 'where the key goes, for the workers (TELPHER_POOL_KEY_FILE)', required: true, values: 'files' },
    ],
    examples: ['telpher pool enroll eu --out eu.key'],
    load: async () => (await import('./enrolments.ts')).runPoolEnroll,
  },
  {
    path: ['pool', 'enrolments'],
    args: '[name]',
    about: 'the keys that workers prove their pool with',
    examples: ['telpher pool enrolments', 'telpher pool enrolments eu -o json'],
    load: async () => (await import('./enrolments.ts')).runPoolEnrolments,
  },
  {
    path: ['pool', 'revoke'],
    args: '<name> <key>',
    about: 'give workers with this key nothing more; those of the other keys of the pool go on',
    examples: ['telpher pool revoke eu 4f1c2a9be0d3574a'],
    load: async () => (await import('./enrolments.ts')).runPoolRevoke,
  },
  {
    path: ['pool', 'remove'],
    aliases: ['rm'],
    args: '<name>',
    about: 'forget what was said of a pool that no target is in',
    examples: ['telpher pool remove eu'],
    load: async () => (await import('./pool.ts')).runPoolRemove,
  },
]

const sandboxWorkers: OptionSpec = {
  flags: '--workers <range>',
  about: 'how many workers: a number, or a range such as 0..4 in which they follow what there is to do',
  fallback: '1',
}

const processes: readonly CommandSpec[] = [
  {
    path: ['worker', 'start'],
    about: 'run a worker, configured by TELPHER_ variables',
    options: [
      {
        flags: '--executor <executor>',
        about: 'docker; or process, for trials without Docker: no isolation, only for targets added with --trials',
        choices: ['docker', 'process'],
      },
    ],
    examples: ['TELPHER_POOL=eu telpher worker start', 'telpher worker start --executor process'],
    load: async () => (await import('./processes.ts')).runWorker,
  },
  {
    path: ['worker', 'list'],
    aliases: ['ls'],
    about: 'all workers',
    examples: ['telpher worker list'],
    load: async () => (await import('./workers.ts')).runWorkerList,
  },
  {
    path: ['worker', 'view'],
    args: '<name>',
    about: 'one worker: what it runs and since when, and why it takes no work',
    examples: ['telpher worker view worker-1'],
    load: async () => (await import('./workers.ts')).runWorkerView,
  },
  {
    path: ['worker', 'drain'],
    args: '[name]',
    about: 'let a worker finish what it runs, take nothing more, and end',
    options: [
      { flags: '--all', about: 'all workers that are alive now' },
      { flags: '--no-wait', about: 'ask, and do not wait until they have ended' },
      { flags: '--timeout <duration>', about: 'wait at most so long; they go on draining', fallback: '15m' },
    ],
    examples: ['telpher worker drain worker-1', 'telpher worker drain --all --no-wait'],
    load: async () => (await import('./drain.ts')).runWorkerDrain,
  },
  {
    path: ['worker', 'rollout'],
    about: 'replace workers one after the other: each ends what it runs, and the next one only when another has taken its place',
    options: [
      { flags: '--pool <name>', about: 'those of one pool alone' },
      { flags: '--timeout <duration>', about: 'wait at most so long for each', fallback: '15m' },
    ],
    examples: ['telpher worker rollout', 'telpher worker rollout --pool eu --timeout 1h'],
    load: async () => (await import('./worker-rollout.ts')).runWorkerRollout,
  },
  {
    path: ['server', 'start'],
    about: 'run a server, configured by TELPHER_ variables',
    examples: ['TELPHER_REDIS_URL=redis://127.0.0.1:6379 telpher server start'],
    load: async () => (await import('./processes.ts')).runServer,
  },
  {
    path: ['redis-acl'],
    args: '[role]',
    about: 'the users of Redis for an aclfile, each with what its role needs: server, worker, producer',
    options: [
      { flags: '--pool <name>', about: 'pool of workers; may be repeated', many: 'names' },
      { flags: '--redis <version>', about: 'the version that they are for', fallback: '7.0', choices: ['6.2', '7.0', '7.2'] },
      { flags: '--passwords <folder>', about: 'a file for each with its password, made where it is missing', values: 'files' },
    ],
    examples: ['telpher redis-acl --passwords ./redis-users', 'telpher redis-acl worker --pool eu --pool us --passwords ./redis-users'],
    load: async () => (await import('./redis-acl.ts')).runRedisAcl,
  },
  {
    path: ['backup'],
    args: '<file>',
    values: 'files',
    about: 'targets with their sealed accounts, what has ended, and its packages and logs, in one file',
    options: [
      { flags: '--no-logs', about: 'leave the logs out' },
      { flags: '--force', about: 'overwrite the file' },
    ],
    examples: ['telpher backup telpher.backup', 'telpher backup telpher.backup --no-logs --force'],
    load: async () => (await import('./backup.ts')).runBackup,
  },
  {
    path: ['restore'],
    args: '<file>',
    values: 'files',
    about: 'a backup into a new installation, which has the same key file',
    examples: ['telpher restore telpher.backup'],
    load: async () => (await import('./backup.ts')).runRestore,
  },
  {
    path: ['dev'],
    about: 'a sandbox with real Redis, Docker and Kubernetes, until Ctrl-C',
    options: [sandboxWorkers],
    examples: ['telpher dev', 'telpher dev --workers 0..4'],
    load: async () => (await import('./dev.ts')).runDev,
  },
  {
    path: ['demo'],
    about: 'the sandbox, three deployments, and everything torn down',
    options: [sandboxWorkers],
    examples: ['telpher demo', 'telpher demo --workers 0..2'],
    load: async () => (await import('./demo.ts')).runDemo,
  },
  {
    path: ['completion'],
    args: '<shell>',
    values: ['bash', 'zsh', 'fish'],
    about: 'a script by which a shell completes commands, options and names',
    examples: ['telpher completion bash', 'telpher completion zsh'],
    load: async () => (await import('./completion/command.ts')).completionOf(catalogue),
  },
  {
    path: ['__names'],
    args: '<kind>',
    values: ['targets', 'deployments'],
    hidden: true,
    about: 'names that a shell offers; silent when there are none',
    examples: ['telpher __names targets'],
    load: async () => (await import('./completion/names.ts')).runNames,
  },
  {
    path: ['version'],
    about: 'the version of this program',
    examples: ['telpher version', 'telpher version -o json'],
    load: async () => (await import('./version.ts')).runVersion,
  },
]

const records: readonly OptionSpec[] = [
  { flags: '--since <time>', about: 'what happened then or later: 2026-11-23, 2026-11-23T14:30:00Z, or 2h, 3d ago' },
  { flags: '--until <time>', about: 'what happened then or earlier' },
  { flags: '--type <types>', about: 'write, call, credential, deployment, target, secret, freeze and so on, with commas', many: 'names' },
  { flags: '--target <name>', about: 'of this target', values: 'targets' },
  { flags: '--deployment <id>', about: 'of this deployment', values: 'deployments' },
  { flags: '--who <name>', about: 'done by: api, api:NAME, producer:NAME, worker:NAME or server' },
  { flags: '--verb <verb>', about: 'verb of a write, such as patch, or action, such as remove' },
  { flags: '--resource <resource>', about: 'such as deployments, deployments.apps or pods/exec' },
  { flags: '-n, --namespace <name>', about: 'of objects in this namespace' },
  { flags: '--name <name>', about: 'of the object, or of what was changed' },
  { flags: '--code <code>', about: 'status of a write, such as 409 or 4xx, or the name of an error' },
  { flags: '--credential <id>', about: 'made with this credential: the JTI of a token' },
]

const audit: readonly CommandSpec[] = [
  {
    path: ['audit', 'list'],
    about: 'who did what, the newest first',
    options: [
      { flags: '--limit <n>', about: 'how many', fallback: '50' },
      { flags: '--cursor <cursor>', about: 'the page after this record' },
      ...records,
    ],
    examples: ['telpher audit list', 'telpher audit list --target prod-eu --type write --code 4xx --since 2d'],
    load: async () => (await import('./audit/list.ts')).runAuditList,
  },
  {
    path: ['audit', 'export'],
    about: 'every record that is asked for, the oldest first, one a line',
    options: records,
    examples: ['telpher audit export --since 2026-11-01 --until 2026-12-01', 'telpher audit export --target prod-eu -o jsonl'],
    load: async () => (await import('./audit/export.ts')).runAuditExport,
  },
  {
    path: ['audit', 'show'],
    args: '<deployment>',
    values: 'deployments',
    about: 'everything that one deployment did, by step, target and attempt',
    examples: ['telpher audit show dep_01JD0000000000000000000000'],
    load: async () => (await import('./audit/show.ts')).runAuditShow,
  },
  {
    path: ['audit', 'verify'],
    about: 'whether the record is as it was written; exit code 10 when it is not',
    options: [{ flags: '--expect <number:hash>', about: 'a record that was seen before, which must still be there' }],
    examples: ['telpher audit verify', 'telpher audit verify --expect 1200:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'],
    load: async () => (await import('./audit/verify.ts')).runAuditVerify,
  },
  {
    path: ['audit', 'reconcile'],
    args: '<file>',
    values: 'files',
    about:
      "hold the record against a cluster's audit log, plain or packed with gzip, or - for standard input; exit code 10 when they differ",
    options: [{ flags: '-t, --target <name>', about: 'the target whose cluster wrote it; found out when absent', values: 'targets' }],
    examples: ['telpher audit reconcile /var/log/kubernetes/audit.log', 'telpher audit reconcile audit.log.gz --target prod-eu'],
    load: async () => (await import('./audit/reconcile.ts')).runAuditReconcile,
  },
]

/** Every command of the CLI. */
export const catalogue: readonly CommandSpec[] = [
  ...daily,
  ...history,
  ...offline,
  ...processFile,
  ...target,
  ...image,
  ...producers,
  ...secrets,
  ...issuer,
  ...account,
  ...keys,
  ...audit,
  ...pools,
  ...processes,
]
