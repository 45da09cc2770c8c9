import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { KubeObject, ObjectStatus } from '../../model/verdict.ts'
import type { Known } from './fields.ts'
import { assess } from './index.ts'

const folder = new URL('../../../tests/fixtures/manifests/assess/', import.meta.url)

type Tree = { readonly [key: string]: unknown }

interface Case {
  readonly case: string
  readonly status: ObjectStatus
  readonly message: string
  readonly rule?: string
  readonly known?: Known
  readonly merge?: Tree
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 7396: null removes. */
const merge = (base: unknown, over: unknown): unknown => {
  if (!isTree(over)) return over
  const result: Record<string, unknown> = isTree(base) ? { ...base } : {}
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete result[key]
    else result[key] = merge(result[key], value)
  }
  return result
}

for (const file of readdirSync(folder)) {
  const { base, cases } = parse(readFileSync(new URL(file, folder), 'utf8')) as { base: Tree; cases: Case[] }
  describe(file.replace('.yaml', ''), () => {
    for (const { case: name, status, message, rule, known, merge: over } of cases)
      test(name, () => {
        const said = assess(merge(base, over ?? {}) as KubeObject, known)
        expect(said).toEqual({ status, message: expect.stringContaining(message), rule: rule ?? expect.any(String) })
      })
  })
}
