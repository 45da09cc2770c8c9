export { type Claim, createClaim } from './claim.ts'
export { createDiscoveryCache, type DiscoveryCache } from './discovery.ts'
export { createGate, type Gate, type GateOptions } from './gate.ts'
export { keepFresh } from './renewal.ts'
