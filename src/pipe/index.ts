export { type Carrier, createDialer } from './dial.ts'
export { createEndpoint, type Endpoint, type PipeEnd, type PipeEvents } from './endpoint.ts'
export { createLine, type Line } from './line.ts'
