import { Redis } from 'ioredis'

const reads: Readonly<Record<string, (key: Buffer) => [string, ...(string | Buffer)[]]>> = {
  string: (key) => ['get', key],
  hash: (key) => ['hgetall', key],
  list: (key) => ['lrange', key, '0', '-1'],
  set: (key) => ['smembers', key],
  zset: (key) => ['zrange', key, '0', '-1'],
  stream: (key) => ['xrange', key, '-', '+'],
}

const bytesOf = (value: unknown): Buffer[] => (Buffer.isBuffer(value) ? [value] : Array.isArray(value) ? value.flatMap(bytesOf) : [])

/** Every key of a Redis with all that it holds, as it was written: a dump file is compressed, and would hide what is looked for. */
export const everythingIn = async (url: string): Promise<Buffer> => {
  const redis = new Redis(url)
  try {
    const parts: Buffer[] = []
    for await (const keys of redis.scanBufferStream({ count: 500 }) as AsyncIterable<Buffer[]>)
      await Promise.all(
        keys.map(async (key) => {
          const read = reads[await redis.type(key)]
          if (read !== undefined) parts.push(key, ...bytesOf(await redis.callBuffer(...read(key))))
        }),
      )
    return Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]))
  } finally {
    redis.disconnect()
  }
}
