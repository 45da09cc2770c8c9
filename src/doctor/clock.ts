import { type Finding, ok, warn } from './finding.ts'

/** Milliseconds within which clocks count as the same: what the ladder of a target allows too. */
const toleratedMs = 5000

const fix = 'sudo timedatectl set-ntp true'

/**
 * One clock against another.
 * @param subject whose clock
 * @param skewMs its time less the other's, in ms
 * @param other whose the other is
 * @param spanMs how long the comparing took, in ms: within it nothing is known
 */
export const judgeClock = (subject: string, skewMs: number, other: string, spanMs = 0): Finding => {
  const seen = `${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} ${other}`
  return { ...(Math.abs(skewMs) > toleratedMs + spanMs / 2 ? warn('clock', seen, fix) : ok('clock', seen)), subject }
}
