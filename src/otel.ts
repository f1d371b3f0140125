export type { SpanIdentity } from './telemetry/decisions.js';
export { type OtelDecisionsOptions, otelDecisions } from './telemetry/otel.js';
