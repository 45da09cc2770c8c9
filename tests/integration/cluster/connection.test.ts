import { connect, createConnector } from '../../../src/cluster/connection.ts'
import { connectionSuite } from './connection-suite.ts'

connectionSuite(async () => ({ connect, createConnector: () => createConnector(), stop: async () => {} }))
