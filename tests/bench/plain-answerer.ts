import { openStore } from '../../src/store/index.ts'

// The peer of the broker: takes requests from the same stream and answers over the same lists, but proves and seals nothing.
const [, , url = ''] = process.argv
const store = await openStore({ url })
process.stdout.write('ready\n')
const credential = { is: 'credential', credential: { id: 'plain', kind: 'bearer', token: 'x'.repeat(1100) }, renewable: true }
for await (const batch of store.broker.requests('srv_plain', new AbortController().signal))
  for (const taken of batch) {
    const { id } = JSON.parse(taken.body) as { id: string }
    void store.broker.answer(taken, { requestId: id, body: JSON.stringify(credential), signature: '' })
  }
