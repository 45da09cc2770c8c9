/** Signals by their numbers on Linux, whatever the worker runs on (signal(7); the same on amd64 and arm64). */
const numbers = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGSYS: 31,
} as const
export type SignalName = 'SIGTERM' | 'SIGKILL' | 'SIGINT'

export const signalNumber = (name: SignalName): number => numbers[name]

/** Name of a signal, or its number in words where it is a rare one. */
export const signalName = (number: number): string =>
  Object.entries(numbers).find(([, value]) => value === number)?.[0] ?? `signal ${number}`
