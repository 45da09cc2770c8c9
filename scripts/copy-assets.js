// The compiler emits only JavaScript; the Lua scripts are read at run time from beside the module that runs them.
import { cpSync, globSync } from 'node:fs'

for (const file of globSync('src/**/*.lua')) cpSync(file, `dist/${file}`)
