export {
  dayOf,
  memoryUsage,
  mergeRows,
  nameOf,
  type Usage,
  type UsageBatch,
  type UsageInstance,
  type UsageKind,
  type UsageRow,
  type UsageStore,
  usageKinds,
} from './index.js';
export { type FileUsageOptions, fileUsage } from './stores/usage-file.js';
export { readUsage } from './stores/usage-file-read.js';
