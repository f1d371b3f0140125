import type { AuditDecision, AuditGap, AuditLine } from './audit-line.js';
import { type Fields, isRejectedCredential, prune, readLine, restOf } from './mapping.js';

/**
 * Maps a line of an audit log to the Elastic Common Schema 9.4. Members without an ECS field are in
 * `sallyport`.
 * @throws ConfigError if it is not a line of an audit log
 */
export function toEcs(line: AuditLine | string): Fields {
  const read = readLine('toEcs', line);
  return read.kind === 'decision' ? ofDecision(read) : ofGap(read);
}

function ofDecision(line: AuditDecision): Fields {
  const { outcome, status, reason, subject, actors = [], correlation = {} } = line;
  const { requestId, traceId, spanId, ip, userAgent, ...labels } = correlation;
  const users = [subject, ...actors].filter((one) => one !== undefined);
  return prune({
    ...base(line),
    event: {
      kind: 'event',
      category: isRejectedCredential(line) ? ['authentication', 'api'] : ['api'],
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
    related: users.length > 0 ? { user: users } : undefined,
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

// ECS expects `info` for the category `authentication`, and the others for `api`.
function typesOf(line: AuditDecision): string[] {
  if (line.outcome === 'allow') return ['access', 'allowed'];
  if (line.outcome === 'error') return ['access'];
  return isRejectedCredential(line) ? ['access', 'denied', 'info'] : ['access', 'denied'];
}

const isHash = (name: string): boolean => /^hmac:[\w-]{22}$/.test(name);
