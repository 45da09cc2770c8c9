import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'

/**
 * One kind of test. Kinds run one after the other, so that real clusters have the machine to themselves.
 * @param seconds a net for a hung test, not an expectation: real clusters on two busy cores may be slow
 */
const project = (name: string, include: string, seconds: number, groupOrder: number): TestProjectInlineConfiguration => ({
  test: {
    name,
    include: [include, ...(name === 'unit' ? ['workers/**/*.test.ts'] : [])],
    ...(name === 'unit' ? {} : { globalSetup: ['tests/support/global-setup.ts'] }),
    testTimeout: seconds * 1000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    sequence: { groupOrder },
  },
})

/** Integration tests of what speaks to Redis by itself, behind Sentinel too; `npm run soak` runs those of the CLI there, and all on a cluster. */
const onSentinel = ['store', 'scheduler', 'server', 'worker'] as const

const sentinel = project('sentinel', '', 180, 2)

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      project('unit', 'src/**/*.test.ts', 20, 0),
      project('contract', 'tests/contract/*.test.ts', 180, 1),
      project('integration', 'tests/integration/**/*.test.ts', 180, 2),
      {
        test: {
          ...sentinel.test,
          include: onSentinel.map((folder) => `tests/integration/${folder}/**/*.test.ts`),
          env: { TEST_REDIS: 'sentinel' },
        },
      },
      project('e2e', 'tests/e2e/**/*.test.ts', 300, 3),
      project('chaos', 'tests/chaos/*.test.ts', 1200, 4),
    ],
  },
})

export default config
