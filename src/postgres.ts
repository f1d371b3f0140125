export type { PostgresColumns } from './stores/columns.js';
export { type PostgresKeysOptions, type PostgresPool, postgresKeys } from './stores/postgres.js';
export {
  type PostgresUsageOptions,
  postgresUsage,
  type UsageTablesOptions,
  usageTables,
} from './stores/usage-postgres.js';
