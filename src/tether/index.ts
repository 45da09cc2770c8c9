export type { ExitRecord } from './records.ts'
export { openTether, type Tether } from './session.ts'
