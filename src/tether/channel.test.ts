import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { createChannel } from './channel.ts'

const setUp = () => {
  const sent: (string | number)[] = []
  const channel = createChannel({
    data: (chunk) => sent.push(chunk.toString()),
    close: (how) => sent.push(how === 0 ? 'end' : 'reset'),
    credit: (bytes) => sent.push(bytes),
  })
  channel.connection.on('error', () => {})
  return { channel, sent, connection: channel.connection }
}

test('a connection that both sides ended is not reset: the shim may still have something to write', async () => {
  const { channel, sent, connection } = setUp()
  const read = text(connection)
  connection.end('answer')
  channel.received(Buffer.from('question'))
  channel.closed(0)
  expect(await read).toBe('question')
  await finished(connection)
  expect(sent).toEqual(['answer', 'end'])
})

test('one that is given up is reset, once', async () => {
  const { channel, sent, connection } = setUp()
  connection.destroy()
  await new Promise((resolve) => connection.once('close', resolve))
  channel.received(Buffer.from('too late'))
  expect(sent).toEqual(['reset'])
})

test('one that the job reset is not answered', async () => {
  const { channel, sent, connection } = setUp()
  channel.closed(1)
  await new Promise((resolve) => connection.once('close', resolve))
  expect(sent).toEqual([])
})

const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

test('a short exchange needs no credit; a long one is paid for in pieces, and only as it is read', async () => {
  const { channel, sent, connection } = setUp()
  connection.resume()
  channel.received(Buffer.alloc(60_000))
  await tick()
  expect(sent).toEqual([])
  channel.received(Buffer.alloc(10_000))
  await tick()
  expect(sent).toEqual([70_000])
})

test('a reader that takes a whole window at once gets more', async () => {
  const { channel, sent, connection } = setUp()
  for (let piece = 0; piece < 4; piece++) channel.received(Buffer.alloc(64 * 1024))
  await tick()
  expect(connection.read()).toHaveLength(256 * 1024)
  await tick()
  expect(sent).toEqual([256 * 1024])
})

test('more than the window is an error', () => {
  const { channel } = setUp()
  channel.received(Buffer.alloc(256 * 1024))
  expect(() => channel.received(Buffer.alloc(1))).toThrow(RangeError)
})

test('what is written waits for credit beyond the window, and none is lost', async () => {
  const { channel, sent, connection } = setUp()
  const bytes = 'x'.repeat(300 * 1024)
  const written = new Promise((resolve) => connection.write(bytes, resolve))
  expect(sent.join('')).toHaveLength(256 * 1024)
  channel.granted(64 * 1024)
  await written
  expect(sent.join('')).toBe(bytes)
})

test('one that may send nothing yet sends when it may, and nobody is told when what carries it is gone', async () => {
  const sent: (string | number)[] = []
  const channel = createChannel(
    { data: (chunk) => sent.push(chunk.toString()), close: (how) => sent.push(how), credit: (bytes) => sent.push(bytes) },
    0,
  )
  channel.connection.write('early')
  expect(sent).toEqual([])
  channel.granted(2)
  expect(sent).toEqual(['ea'])
  const gone = new Promise<Error>((resolve) => channel.connection.once('error', resolve))
  channel.failed(new Error('gone'))
  expect((await gone).message).toBe('gone')
  channel.granted(100)
  expect(sent).toEqual(['ea'])
})
