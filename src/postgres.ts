export type { PostgresColumns } from './stores/api-keys/columns.js';
export {
  type PostgresKeysOptions,
  type PostgresPool,
  postgresKeys,
} from './stores/api-keys/postgres.js';
export {
  type PostgresUsageOptions,
  postgresUsage,
  type UsageTablesOptions,
  usageTables,
} from './stores/usage/postgres.js';
