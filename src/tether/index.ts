export type { OnOutput, OutputName, OutputSum } from './outputs.ts'
export type { ExitRecord, TetherReady } from './records.ts'
export { openTether, type Tether, type TetherJob, type TetherOptions } from './session.ts'
