#!/usr/bin/env node
import { processIo } from './context.ts'
import { run } from './program.ts'

// A reader that has seen enough, such as head(1), is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

// Servers and workers have no exit code here: they end by their signals.
const code = await run(process.argv.slice(2), processIo())
if (code !== undefined) process.exitCode = code
