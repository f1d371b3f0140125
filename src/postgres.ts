export type { PostgresColumns } from './stores/api-keys/columns.js';
export {
  type PostgresApiKeysOptions,
  postgresApiKeys,
} from './stores/api-keys/postgres.js';
export type { PostgresPool } from './stores/postgres-pool.js';
export {
  type PostgresUsageStoreOptions,
  postgresUsageStore,
  type UsageTablesOptions,
  usageTables,
} from './stores/usage/postgres.js';
