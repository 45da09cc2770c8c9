import { z } from 'zod'
import { violation } from './frames.ts'
import type { OutputSum } from './outputs.ts'
import { signalName } from './signals.ts'

/** How a job ended, as its shim says: without it there is no success. */
export interface ExitRecord {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
  /** Whether the kernel killed something in the container for want of memory. */
  readonly oom: boolean
  /** ms since the epoch. */
  readonly startedAt: number
  readonly endedAt: number
  readonly userMs: number
  readonly systemMs: number
  readonly stdout: OutputSum
  readonly stderr: OutputSum
}

export interface TetherReady {
  /** The newest version of the tether that the shim speaks, and the oldest; that one alone where it says none. */
  readonly version: number
  readonly oldest?: number | undefined
  /** Port inside the container behind which connections become channels. */
  readonly port: number
}

export interface Fault {
  readonly code: string
  readonly message: string
}

const sum = z.object({ bytes: z.number().int().min(0), crc: z.number().int().min(0).max(0xffffffff) })
const exitSchema: z.ZodType<ExitRecord> = z.object({
  code: z.number().int().nullable(),
  signal: z.number().int().transform(signalName).nullable(),
  oom: z.boolean(),
  startedAt: z.number(),
  endedAt: z.number(),
  userMs: z.number(),
  systemMs: z.number(),
  stdout: sum,
  stderr: sum,
})
const readySchema: z.ZodType<TetherReady> = z.object({
  version: z.number().int(),
  oldest: z.number().int().optional(),
  port: z.number().int().min(1).max(65_535),
})
const faultSchema: z.ZodType<Fault> = z.object({ code: z.string().max(64), message: z.string() })

const parse = <T>(schema: z.ZodType<T>, name: string, payload: Buffer): T => {
  try {
    return schema.parse(JSON.parse(payload.toString('utf8')))
  } catch {
    throw violation(`${name} cannot be read`)
  }
}

/** @throws TelpherError tether_protocol */
export const parseExit = (payload: Buffer): ExitRecord => parse(exitSchema, 'EXIT', payload)
/** @throws TelpherError tether_protocol */
export const parseReady = (payload: Buffer): TetherReady => parse(readySchema, 'READY', payload)
/** @throws TelpherError tether_protocol */
export const parseFault = (payload: Buffer): Fault => parse(faultSchema, 'FAULT', payload)
