/** Between two ticks by whose lateness the loop is measured, in ms: node's own monitorEventLoopDelay misses what ends with its reset. */
const tickMs = 50

/**
 * Measures how long the event loop of this process stands.
 * @param onLook told the longest that it stood since the look before, in ms
 * @param lookMs between two looks; 1000 when absent
 */
export const measureLoop = (onLook: (worstMs: number) => void, lookMs = 1000): { stop(): void } => {
  let worst = 0
  let tickedAt = performance.now()
  let lookedAt = tickedAt
  const timer = setInterval(() => {
    const now = performance.now()
    worst = Math.max(worst, now - tickedAt - tickMs)
    tickedAt = now
    if (now - lookedAt < lookMs) return
    lookedAt = now
    const seen = worst
    worst = 0
    onLook(seen)
  }, tickMs)
  return { stop: () => clearInterval(timer) }
}
