export type { ExitRecord } from './records.ts'
export { openTether, type Tether, type TetherOptions } from './session.ts'
export { agreedVersion, type Spoken } from './version.ts'
