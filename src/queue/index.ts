export { consume } from './consume.ts'
export { openQueue } from './produce.ts'
export type * from './types.ts'
