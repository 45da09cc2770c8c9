import { text } from 'node:stream/consumers'
import { Secret } from '../../src/model/secret.ts'
import { pipedCluster } from '../../src/server/pipe.ts'
import { openStore } from '../../src/store/index.ts'

/** A server that asks a target once through a pipe, keeps it, and is killed. It says the status of the answer. */
const [url = '', name = ''] = process.argv.slice(2)
const store = await openStore({ url })
const cluster = pipedCluster({ store, log: () => {} })
const connection = cluster.connect(await store.targets.get(name), { id: 'x', kind: 'bearer', token: new Secret('t') })
const answer = await connection.request({ method: 'GET', path: '/' })
await text(answer.body)
process.stdout.write(`${answer.status}\n`)
