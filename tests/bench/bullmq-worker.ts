import { Queue, Worker } from 'bullmq'

// A worker with BullMQ's defaults, to be killed: it says when it has begun a job, and holds it for ever.
const [, , port = '', role = ''] = process.argv
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }
const prefix = '{peer}'
if (role === 'add') {
  const queue = new Queue('peer', { connection, prefix })
  await queue.add('job', {})
  await queue.close()
} else {
  new Worker(
    'peer',
    async () => {
      process.stdout.write('began\n')
      if (role === 'holder') await new Promise(() => {})
    },
    { connection, prefix },
  )
}
