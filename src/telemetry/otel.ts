import { createNoopMeter, type Meter, metrics, trace } from '@opentelemetry/api';
import type { DecisionEvent } from '../index.js';
import { checkDecisionOptions, type DecisionOptions, recordDecisions } from './decisions.js';

/** Options of {@link otelDecisions}. */
export interface OtelDecisionsOptions extends DecisionOptions {
  /** @default the meter of the registered SDK, also if it is registered later */
  readonly meter?: Meter;
}

/**
 * Returns a function that records decisions with OpenTelemetry: two counters, a histogram, and
 * attributes of the active span. Pass it to a guard as `onDecision`. It never records a token or a
 * key, and records identities only if the options say so. Without an SDK it is a no-op.
 * @throws ConfigError if an option is invalid
 */
export function otelDecisions(options: OtelDecisionsOptions = {}): (event: DecisionEvent) => void {
  const { meter, ...checked } = checkDecisionOptions('otelDecisions', options);
  const noopMeter = createNoopMeter();
  let provider: unknown;
  let registered: Meter | undefined;

  function registeredMeter(): Meter | undefined {
    const current = metrics.getMeterProvider();
    if (current !== provider) {
      provider = current;
      const found = current.getMeter('sallyport');
      registered = found === noopMeter ? undefined : found;
    }
    return registered;
  }

  return recordDecisions(checked, {
    meter: meter ? () => meter : registeredMeter,
    span: () => trace.getActiveSpan(),
  });
}
