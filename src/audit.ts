export type { AuditDecision, AuditGap, AuditLine } from './telemetry/audit-line.js';
export {
  type AuditCounts,
  type AuditLog,
  type AuditOptions,
  type AuditSettings,
  auditLog,
} from './telemetry/audit-log.js';
export type { QueueBounds } from './telemetry/audit-queue.js';
export type { AuditStream, AuditWrite } from './telemetry/audit-sink.js';
export { toEcs } from './telemetry/ecs.js';
export {
  auditHash,
  type IdentifierForm,
  type IdentifierForms,
  type IdentifierKind,
} from './telemetry/identifiers.js';
export type { Fields } from './telemetry/mapping.js';
export { toOcsf } from './telemetry/ocsf.js';
export {
  type LoggedRequest,
  type LogRedaction,
  redactedLogger,
  redactPaths,
  redactUrl,
} from './telemetry/redact.js';
