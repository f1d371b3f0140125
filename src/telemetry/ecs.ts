import type { AuditDecision, AuditGap, AuditLine } from './audit-line.js';
import { type Fields, isRefusedCredential, prune, readLine, restOf } from './mapping.js';

/**
 * A line of an audit log in the names of the Elastic Common Schema, 9.4. What it has no name for
 * stands under `sallyport`.
 * @throws ConfigError for what is no such line
 */
export function toEcs(line: AuditLine | string): Fields {
  const read = readLine('toEcs', line);
  return read.kind === 'decision' ? ofDecision(read) : ofGap(read);
}

function ofDecision(line: AuditDecision): Fields {
  const { outcome, status, reason, subject, actors = [], correlation = {} } = line;
  const { requestId, traceId, spanId, ip, userAgent, ...labels } = correlation;
  const people = [subject, ...actors].filter((one) => one !== undefined);
  return prune({
    ...base(line),
    event: {
      kind: 'event',
      category: isRefusedCredential(line) ? ['authentication', 'api'] : ['api'],
      type: typesOf(line),
      action: outcome,
      outcome: outcome === 'allow' ? 'success' : 'failure',
      reason,
      duration: Math.round(line.durationMs * 1e6),
      module: 'sallyport',
      dataset: 'sallyport.audit',
    },
    error: outcome === 'error' ? { code: reason } : undefined,
    http: {
      request: { method: line.httpMethod, id: requestId },
      response: { status_code: status },
    },
    user: subject === undefined ? undefined : { [isHash(subject) ? 'hash' : 'id']: subject },
    related: people.length > 0 ? { user: people } : undefined,
    organization: { id: line.orgId },
    client: { ip },
    user_agent: { original: userAgent },
    trace: { id: traceId },
    span: { id: spanId },
    labels: Object.fromEntries(Object.entries(labels).map(([name, one]) => [name, String(one)])),
    sallyport: restOf(line),
  });
}

function ofGap(line: AuditGap): Fields {
  const { since, until, count, failed } = line;
  return prune({
    ...base(line),
    event: {
      kind: 'event',
      category: ['api'],
      type: ['info'],
      action: 'audit-dropped',
      start: since,
      end: until,
      module: 'sallyport',
      dataset: 'sallyport.audit',
    },
    sallyport: { dropped: { count, failed } },
  });
}

const base = ({ time, service }: AuditLine) => ({
  '@timestamp': time,
  ecs: { version: '9.4.0' },
  service: { name: service },
});

// Of `authentication`, ECS expects `info`; of `api`, the others.
function typesOf(line: AuditDecision): string[] {
  if (line.outcome === 'allow') return ['access', 'allowed'];
  if (line.outcome === 'error') return ['access'];
  return isRefusedCredential(line) ? ['access', 'denied', 'info'] : ['access', 'denied'];
}

const isHash = (name: string): boolean => /^hmac:[\w-]{22}$/.test(name);
