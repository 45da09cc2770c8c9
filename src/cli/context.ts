import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { TelpherError } from '../model/errors.ts'
import { type Client, createClient } from './client.ts'
import { isFormat, type OutputFormat } from './output.ts'

/** Flags that every command has. */
export interface GlobalFlags {
  readonly server?: string
  readonly tokenFile?: string
  readonly output: OutputFormat
}

/** Where a running `telpher dev` says what it is, in this folder or one above it. */
const endpointNear = (folder: string): { url: string; tokenFile: string } | undefined => {
  const file = join(folder, '.telpher/dev/endpoint.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as { url: string; tokenFile: string }
  const parent = dirname(folder)
  return parent === folder ? undefined : endpointNear(parent)
}

/** The global flags of a command. @throws TelpherError usage for an unknown output format */
export const flagsOf = (command: Command): GlobalFlags => {
  const { server, tokenFile, output = 'table' } = command.optsWithGlobals<{ server?: string; tokenFile?: string; output?: string }>()
  if (!isFormat(output)) throw new TelpherError('usage', `--output ${output}: use table, json, jsonl or yaml`, { field: 'output' })
  return { output, ...(server === undefined ? {} : { server }), ...(tokenFile === undefined ? {} : { tokenFile }) }
}

/**
 * The client of the server that a command talks to: flag, then environment, then the `telpher dev` of this folder.
 * @throws TelpherError server_unreachable when none is named
 */
export const clientOf = (command: Command): Client => {
  const flags = flagsOf(command)
  const near = endpointNear(resolve('.'))
  const server = flags.server ?? process.env['TELPHER_SERVER'] ?? near?.url
  const tokenFile = flags.tokenFile ?? process.env['TELPHER_TOKEN_FILE'] ?? near?.tokenFile ?? '.telpher/token'
  if (server === undefined) throw new TelpherError('server_unreachable', 'no server is named, and no telpher dev runs in this folder')
  return createClient(server, tokenFile)
}
