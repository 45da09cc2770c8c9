import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Cut, type Cuttable, cuttable } from './cuttable.ts'

interface Pair {
  readonly way: Cuttable
  readonly near: Socket
  readonly far: Socket
  /** What has come at either end, and how it ended. */
  readonly got: { near: string; far: string; readonly ends: string[] }
}

const pair = async (): Promise<Pair> => {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const way = await cuttable(typeof address === 'object' ? (address?.port ?? 0) : 0)
  const near = createConnection({ port: way.port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  const got: Pair['got'] = { near: '', far: '', ends: [] }
  for (const [name, socket] of [
    ['near', near],
    ['far', far],
  ] as const) {
    socket.on('data', (chunk: Buffer) => {
      got[name] += chunk.toString()
    })
    socket.on('end', () => got.ends.push(`${name} end`))
    socket.on('error', (error: NodeJS.ErrnoException) => got.ends.push(`${name} ${error.code}`))
  }
  onTestFinished(async () => {
    near.destroy()
    far.destroy()
    await way.close()
    server.close()
  })
  return { way, near, far, got }
}

const cut = (changes: Partial<Cut>): Cut => ({ manner: 'close', direction: 'down', afterBytes: 3, stallMs: 100, ...changes })
const cutNow = ({ way }: Pair, changes: Partial<Cut>): Promise<void> =>
  new Promise((resolve) => {
    way.cutter.arm(cut(changes), resolve)
  })

describe('a connection that is cut', () => {
  test.each([
    ['close', 'near end'],
    ['reset', 'near ECONNRESET'],
  ] as const)('%s: nothing comes after the byte', async (manner, end) => {
    const it = await pair()
    const came = cutNow(it, { manner })
    it.far.write('abcdef')
    await came
    it.far.write('ghi')
    await expect.poll(() => it.got.ends).toContain(end)
    // With a reset, what had come before it may be dropped as well.
    expect('abc').toContain(it.got.near)
  })

  test('half: one direction ends, the other goes on', async () => {
    const it = await pair()
    const came = cutNow(it, { manner: 'half' })
    it.far.write('abcdef')
    await came
    await once(it.near, 'end')
    it.near.write('still')
    await once(it.far, 'data')
    expect(it.got).toMatchObject({ near: 'abc', far: 'still', ends: ['near end'] })
  })

  test('stall: silent for its time, then closed', async () => {
    const it = await pair()
    const came = cutNow(it, { manner: 'stall', stallMs: 300 })
    it.far.write('abcdef')
    await came
    const began = performance.now()
    it.near.write('unheard')
    await once(it.near, 'end')
    expect(performance.now() - began).toBeGreaterThan(250)
    expect(it.got).toMatchObject({ near: 'abc', far: '' })
  })

  test('only in its direction, and not when it was taken back', async () => {
    const it = await pair()
    it.way.cutter.arm(cut({ direction: 'up', afterBytes: 10 }), () => {})
    const takeBack = it.way.cutter.arm(cut({}), () => {})
    takeBack()
    it.far.write('abcdef')
    it.near.write('abcdef')
    await Promise.all([once(it.near, 'data'), once(it.far, 'data')])
    expect(it.got).toMatchObject({ near: 'abcdef', far: 'abcdef', ends: [] })
  })
})

test('a way that is severed refuses, and passes on again when it is mended', async () => {
  const it = await pair()
  it.way.cut()
  await expect.poll(() => it.got.ends.length).toBeGreaterThan(0)
  const refused = createConnection({ port: it.way.port, host: '127.0.0.1' })
  refused.on('error', () => {})
  await once(refused, 'close')
  it.way.mend()
  const taken = createConnection({ port: it.way.port, host: '127.0.0.1' })
  await once(taken, 'connect')
  await expect.poll(() => it.way.cutter.open()).toBe(1)
  taken.destroy()
})

test('a way that is cut silently says nothing, and passes late what was sent meanwhile', async () => {
  const it = await pair()
  it.way.cut(true)
  it.far.write('late')
  const other = createConnection({ port: it.way.port, host: '127.0.0.1' })
  await once(other, 'connect')
  expect(it.got).toMatchObject({ near: '', ends: [] })
  it.way.mend()
  await expect.poll(() => it.got.near).toBe('late')
  other.destroy()
})
