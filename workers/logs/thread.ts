import { parentPort } from 'node:worker_threads'
import type { ToThread } from './messages.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'

const pipelines = new Map<number, Pipeline>()

parentPort?.on('message', (message: ToThread) => {
  const { log } = message
  if (message.type === 'close') {
    pipelines.get(log)?.take(message)
    pipelines.delete(log)
    return
  }
  let pipeline = pipelines.get(log)
  if (pipeline === undefined) {
    pipeline = createPipeline(log, (said, transfer = []) => parentPort?.postMessage(said, transfer))
    pipelines.set(log, pipeline)
  }
  pipeline.take(message)
})
