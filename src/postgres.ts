export type { PostgresColumns } from './stores/api-keys/columns.js';
export {
  type PostgresKeysOptions,
  postgresKeys,
} from './stores/api-keys/postgres.js';
export type { PostgresPool } from './stores/postgres-pool.js';
export {
  type PostgresUsageOptions,
  postgresUsage,
  type UsageTablesOptions,
  usageTables,
} from './stores/usage/postgres.js';
