import { type AuditDecision, type AuditGap, type AuditLine, schema } from './audit-line.js';
import { type Fields, isRejectedCredential, prune, readLine, restOf } from './mapping.js';

/**
 * Maps a line of an audit log to the Open Cybersecurity Schema Framework 1.8: a rejected or missing
 * credential to Authentication (3002), any other decision to API Activity (6003), and a gap to a
 * Base Event. Members without an OCSF attribute are in `unmapped`.
 * @throws ConfigError if it is not a line of an audit log
 */
export function toOcsf(line: AuditLine | string): Fields {
  const read = readLine('toOcsf', line);
  if (read.kind === 'dropped') return prune(ofGap(read));
  return prune(isRejectedCredential(read) ? authentication(read) : apiActivity(read));
}

function apiActivity(line: AuditDecision): Fields {
  const { clientId, issuer, httpMethod, route, service, status, reason } = line;
  const { requestId, ip } = line.correlation ?? {};
  const activity = activities[httpMethod] ?? 99;
  return {
    ...classify({ category: 6, type: 3, activity }),
    activity_name: activity === 99 ? httpMethod : undefined,
    ...common(line),
    actor: { app_uid: clientId, user: userOf(line), session: { issuer } },
    api: {
      operation: route === undefined ? httpMethod : `${httpMethod} ${route}`,
      service: { name: service },
      request: { uid: requestId },
      response: { code: status, error: reason },
    },
    // OCSF requires an endpoint.
    src_endpoint: ip === undefined ? { name: 'unknown' } : { ip },
  };
}

function authentication(line: AuditDecision): Fields {
  const { ip } = line.correlation ?? {};
  return {
    ...classify({ category: 3, type: 2, activity: 99 }),
    activity_name: 'Verify credential',
    ...common(line),
    ...protocols[line.method],
    user: userOf(line),
    service: { name: line.service ?? 'unknown' },
    src_endpoint: { ip },
  };
}

function ofGap(line: AuditGap): Fields {
  const { time, count, failed, since, until, service } = line;
  return {
    ...classify({ category: 0, type: 0, activity: 99 }),
    activity_name: 'Audit lines dropped',
    time: Date.parse(time),
    count,
    start_time: Date.parse(since),
    end_time: Date.parse(until),
    severity_id: 3,
    metadata,
    unmapped: { failed, service },
  };
}

function common(line: AuditDecision): Fields {
  const { requestId, traceId, ip: _, userAgent, ...others } = line.correlation ?? {};
  const { client_id, issuer, key_id, token_id, route, ...unmapped } = restOf(line);
  const allowed = line.outcome === 'allow';
  const profiles = ['security_control', ...(traceId === undefined ? [] : ['trace'])];
  return {
    time: Date.parse(line.time),
    severity_id: { allow: 1, deny: 2, error: 3 }[line.outcome],
    status_id: allowed ? 1 : 2,
    status: allowed ? 'Success' : 'Failure',
    status_code: line.reason ?? String(line.status),
    action_id: allowed ? 1 : 2,
    action: allowed ? 'Allowed' : 'Denied',
    metadata: { ...metadata, profiles, correlation_uid: requestId },
    http_request: { http_method: line.httpMethod, uid: requestId, user_agent: userAgent },
    http_response: { code: line.status },
    trace: { uid: traceId },
    unmapped: { ...unmapped, duration_ms: line.durationMs, correlation: others },
  };
}

function userOf({ subject, orgId, keyId, tokenId }: AuditDecision): Fields {
  const credentials = [
    ...(keyId === undefined ? [] : [{ type: 'API Key', uid: keyId }]),
    ...(tokenId === undefined ? [] : [{ type: 'Access Token', uid: tokenId }]),
  ];
  return {
    ...(subject === undefined ? { name: 'unknown' } : { uid: subject }),
    org: { uid: orgId },
    ...(credentials.length > 0 && { programmatic_credentials: credentials }),
  };
}

const metadata = {
  version: '1.8.0',
  product: { name: 'sallyport', vendor_name: 'sallyport' },
  log_name: 'audit',
  log_version: schema,
};

const activities: Readonly<Record<string, number>> = {
  __proto__: null as never,
  POST: 1,
  GET: 2,
  HEAD: 2,
  OPTIONS: 2,
  QUERY: 2,
  PUT: 3,
  PATCH: 3,
  DELETE: 4,
};

const protocols: Readonly<Record<AuditDecision['method'], Fields>> = {
  token: { auth_protocol_id: 6, auth_protocol: 'OAUTH 2.0' },
  'api-key': { auth_protocol_id: 99, auth_protocol: 'API Key' },
  both: { auth_protocol_id: 99, auth_protocol: 'OAUTH 2.0 and API Key' },
  none: { auth_protocol_id: 0, auth_protocol: 'Unknown' },
};

interface Classification {
  readonly category: number;
  /** The class within its category. */
  readonly type: number;
  readonly activity: number;
}

/** Returns the uids that OCSF computes from category, class and activity. */
const classify = ({ category, type, activity }: Classification): Fields => ({
  category_uid: category,
  class_uid: category * 1000 + type,
  activity_id: activity,
  type_uid: (category * 1000 + type) * 100 + activity,
});
