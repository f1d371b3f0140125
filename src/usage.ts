export {
  advanceInstance,
  dayOf,
  memoryUsageStore,
  mergeRows,
  nameOf,
  trackingSinceOf,
  type Usage,
  type UsageBatch,
  type UsageClient,
  type UsageInstance,
  type UsageKind,
  type UsageRow,
  type UsageStore,
  usageKinds,
} from './index.js';
export { type FileUsageStoreOptions, fileUsageStore } from './stores/usage/file.js';
export { readUsage } from './stores/usage/file-read.js';
