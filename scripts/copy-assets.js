// The compiler emits only JavaScript; what is read at run time from beside a module is copied: Lua scripts, and the sandbox's Go modules and stages.
import { cpSync, globSync } from 'node:fs'

const assets = ['src/**/*.lua', 'src/sandbox/modules/*/*', 'src/sandbox/kubernetes/*.yaml']
for (const file of globSync(assets)) cpSync(file, `dist/${file}`)
