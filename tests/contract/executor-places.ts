/** Where the engine and the shim of this test run are. */
export interface Places {
  readonly socketPath: string
  readonly shimPath: string
}

export const places = async (): Promise<Places> => ({
  socketPath: process.env['TELPHER_TEST_DOCKER_SOCKET'] ?? '',
  shimPath: process.env['TELPHER_TEST_SHIM'] ?? '',
})
