import { pino } from 'pino'

/** A logger of one part of the process: structured fields first, then the sentence. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Log
}

/**
 * JSON lines on standard error: standard output belongs to data.
 * @param level lines below it are not written
 * @param fields what every line of this logger says
 */
export const createLog = (level: 'debug' | 'info' | 'warn' | 'error', fields: object = {}): Log =>
  pino(
    { level, base: fields, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: pino.stdSerializers.err } },
    pino.destination({ fd: 2, sync: true }),
  )
