import { createNoopMeter, type Meter, metrics, trace } from '@opentelemetry/api';
import type { DecisionEvent } from '../index.js';
import { checkTelling, type DecisionTelling, tellDecisions } from './decisions.js';

/** What decisions are told by. */
export interface OtelDecisionsOptions extends DecisionTelling {
  /** @default that of the registered SDK, also of one that is registered later */
  readonly meter?: Meter;
}

/**
 * Tells decisions to OpenTelemetry: counters and a histogram, and attributes of the active span; to
 * be given to a guard as its `onDecision`. No token, no key; who asks, only as far as the options
 * say. Without an SDK it does next to nothing.
 * @throws ConfigError for options that cannot be meant
 */
export function otelDecisions(options: OtelDecisionsOptions = {}): (event: DecisionEvent) => void {
  const { meter, ...telling } = checkTelling('otelDecisions', options);
  const silent = createNoopMeter();
  let provider: unknown;
  let registered: Meter | undefined;

  function current(): Meter | undefined {
    const now = metrics.getMeterProvider();
    if (now !== provider) {
      provider = now;
      const found = now.getMeter('sallyport');
      registered = found === silent ? undefined : found;
    }
    return registered;
  }

  return tellDecisions(telling, {
    meter: meter ? () => meter : current,
    span: () => trace.getActiveSpan(),
  });
}
