import type { Registry } from './registry.ts'
import type { Counting } from './table.ts'

/** What a process says of itself, as it is now; the names are those of Prometheus' client libraries. */
export const tellOwn = (registry: Registry, of: Counting, version: string): void => {
  const { user, system } = process.cpuUsage()
  registry.set('telpher_build_info', { version, process: of }, 1)
  registry.count('process_cpu_seconds_total', {}, (user + system) / 1e6)
  registry.set('process_resident_memory_bytes', {}, process.memoryUsage.rss())
  registry.set('process_start_time_seconds', {}, Math.round(performance.timeOrigin) / 1000)
}
