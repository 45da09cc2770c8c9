const floorMs = 600_000
const capMs = 3_600_000
const spareMs = 300_000

/**
 * How long the credential of an attempt should live: its deadline and 5 minutes, at least the 10 minutes that the API server
 * grants (kubernetes pkg/apis/authentication/validation: MinTokenAgeSec), at most one hour; the gate renews at half of it.
 * @param deadlineSeconds of the step
 * @returns milliseconds
 */
export const lifetimeOf = (deadlineSeconds: number): number => Math.min(capMs, Math.max(floorMs, deadlineSeconds * 1000 + spareMs))
