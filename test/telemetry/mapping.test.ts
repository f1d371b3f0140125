import { describe, expect, test } from 'vitest';
import { type AuditLine, auditLog, toEcs, toOcsf } from '../../src/audit.js';
import { ConfigError, type DecisionEvent } from '../../src/index.js';
import { event, read, secret, start } from './scene.js';

function lineOf(told: DecisionEvent, correlation: Record<string, unknown> = {}): AuditLine {
  const lines: string[] = [];
  auditLog({
    write: (line) => void lines.push(line),
    secret,
    identifiers: { subject: 'raw', actors: 'raw' },
    service: 'orders',
    correlate: () => correlation,
  })(told);
  return read(lines[0] ?? '');
}

const allowed = lineOf(
  event({
    httpMethod: 'PUT',
    route: '/orders/:id',
    subject: 'user_1',
    actors: ['client_7'],
    clientId: 'shop',
    orgId: 'org_1',
    issuer: 'https://issuer.test',
    tokenId: 'token_1',
    mode: 'dual',
    cohort: 'first',
    scopes: ['orders:write'],
    requiredScopes: ['orders:write'],
    wouldDeny: ['ERR_ORG_MISSING'],
    durationMs: 1.5,
  }),
  {
    ...{ requestId: 'req-1', traceId: 'trace-1', spanId: 'span-1', ip: '192.0.2.1' },
    ...{ userAgent: 'curl/8', region: 'eu', attempt: 2 },
  },
);
const refused = lineOf(
  event({
    outcome: 'deny',
    status: 401,
    reason: 'ERR_API_KEY_RETIRED',
    method: 'api-key',
    keyId: 'key_1',
    keyPlace: 'header',
    claimed: { clientId: 'shop' },
  }),
);
const forbidden = lineOf(
  event({ outcome: 'deny', status: 403, reason: 'ERR_SCOPE_MISSING', missingScopes: ['a'] }),
);
const undecided = lineOf(event({ outcome: 'error', status: 503, reason: 'ERR_JWKS_TIMEOUT' }));
const gap: AuditLine = {
  schema: 'sallyport-audit-1',
  kind: 'dropped',
  time: '2030-01-01T00:00:02.000Z',
  service: 'orders',
  count: 3,
  failed: 1,
  since: '2030-01-01T00:00:00.000Z',
  until: '2030-01-01T00:00:01.000Z',
};

describe('ECS 9.4', () => {
  test('an allowed request', () => {
    expect(toEcs(allowed)).toStrictEqual({
      '@timestamp': '2030-01-01T00:00:00.000Z',
      ecs: { version: '9.4.0' },
      service: { name: 'orders' },
      event: {
        kind: 'event',
        category: ['api'],
        type: ['access', 'allowed'],
        action: 'allow',
        outcome: 'success',
        duration: 1_500_000,
        module: 'sallyport',
        dataset: 'sallyport.audit',
      },
      http: { request: { method: 'PUT', id: 'req-1' }, response: { status_code: 200 } },
      user: { id: 'user_1' },
      related: { user: ['user_1', 'client_7'] },
      organization: { id: 'org_1' },
      client: { ip: '192.0.2.1' },
      user_agent: { original: 'curl/8' },
      trace: { id: 'trace-1' },
      span: { id: 'span-1' },
      labels: { region: 'eu', attempt: '2' },
      sallyport: {
        schema: 'sallyport-audit-1',
        method: 'token',
        mode: 'dual',
        cohort: 'first',
        client_id: 'shop',
        issuer: 'https://issuer.test',
        token_id: 'token_1',
        actors: ['client_7'],
        route: '/orders/:id',
        scopes: ['orders:write'],
        required_scopes: ['orders:write'],
        would_deny: ['ERR_ORG_MISSING'],
      },
    });
  });

  test('a refused credential, a refused permission, an outage', () => {
    expect(toEcs(refused)).toMatchObject({
      event: {
        category: ['authentication', 'api'],
        type: ['access', 'denied', 'info'],
        action: 'deny',
        outcome: 'failure',
        reason: 'ERR_API_KEY_RETIRED',
      },
      sallyport: { key_id: 'key_1', key_place: 'header', claimed: { client_id: 'shop' } },
    });
    expect(toEcs(refused)).not.toHaveProperty('error');
    expect(toEcs(forbidden)).toMatchObject({
      event: { category: ['api'], type: ['access', 'denied'], outcome: 'failure' },
      sallyport: { missing_scopes: ['a'] },
    });
    expect(toEcs(undecided)).toMatchObject({
      event: { type: ['access'], action: 'error', outcome: 'failure' },
      error: { code: 'ERR_JWKS_TIMEOUT' },
    });
  });

  test('a hashed subject is a user’s hash', () => {
    const hash = `hmac:${'a'.repeat(22)}`;
    expect(toEcs(lineOf(event({ subject: hash })))).toMatchObject({ user: { hash } });
    for (const id of [`${hash}a`, `x${hash}`, hash.slice(0, -1)]) {
      expect(toEcs(lineOf(event({ subject: id })))).toMatchObject({ user: { id } });
    }
  });

  test('lines that are missing', () => {
    expect(toEcs(gap)).toStrictEqual({
      '@timestamp': '2030-01-01T00:00:02.000Z',
      ecs: { version: '9.4.0' },
      service: { name: 'orders' },
      event: {
        kind: 'event',
        category: ['api'],
        type: ['info'],
        action: 'audit-dropped',
        start: '2030-01-01T00:00:00.000Z',
        end: '2030-01-01T00:00:01.000Z',
        module: 'sallyport',
        dataset: 'sallyport.audit',
      },
      sallyport: { dropped: { count: 3, failed: 1 } },
    });
  });
});

describe('OCSF 1.8', () => {
  test('an allowed request is API Activity', () => {
    expect(toOcsf(allowed)).toStrictEqual({
      category_uid: 6,
      class_uid: 6003,
      activity_id: 3,
      type_uid: 600_303,
      time: start,
      severity_id: 1,
      status_id: 1,
      status: 'Success',
      status_code: '200',
      action_id: 1,
      action: 'Allowed',
      metadata: {
        version: '1.8.0',
        product: { name: 'sallyport', vendor_name: 'sallyport' },
        log_name: 'audit',
        log_version: 'sallyport-audit-1',
        profiles: ['security_control', 'trace'],
        correlation_uid: 'req-1',
      },
      actor: {
        app_uid: 'shop',
        user: {
          uid: 'user_1',
          org: { uid: 'org_1' },
          programmatic_credentials: [{ type: 'Access Token', uid: 'token_1' }],
        },
        session: { issuer: 'https://issuer.test' },
      },
      api: {
        operation: 'PUT /orders/:id',
        service: { name: 'orders' },
        request: { uid: 'req-1' },
        response: { code: 200 },
      },
      src_endpoint: { ip: '192.0.2.1' },
      http_request: { http_method: 'PUT', uid: 'req-1', user_agent: 'curl/8' },
      http_response: { code: 200 },
      trace: { uid: 'trace-1' },
      unmapped: {
        schema: 'sallyport-audit-1',
        method: 'token',
        mode: 'dual',
        cohort: 'first',
        actors: ['client_7'],
        scopes: ['orders:write'],
        required_scopes: ['orders:write'],
        would_deny: ['ERR_ORG_MISSING'],
        duration_ms: 1.5,
        correlation: { spanId: 'span-1', region: 'eu', attempt: 2 },
      },
    });
  });

  test('a refused credential is Authentication', () => {
    expect(toOcsf(refused)).toMatchObject({
      category_uid: 3,
      class_uid: 3002,
      activity_id: 99,
      activity_name: 'Verify credential',
      type_uid: 300_299,
      severity_id: 2,
      status_id: 2,
      status_code: 'ERR_API_KEY_RETIRED',
      action_id: 2,
      auth_protocol_id: 99,
      auth_protocol: 'API Key',
      user: { name: 'unknown', programmatic_credentials: [{ type: 'API Key', uid: 'key_1' }] },
      service: { name: 'orders' },
      unmapped: { claimed: { client_id: 'shop' } },
    });
    expect(toOcsf(refused)).not.toHaveProperty('src_endpoint');
  });

  test('a refused permission and an outage are API Activity', () => {
    expect(toOcsf(forbidden)).toMatchObject({
      class_uid: 6003,
      severity_id: 2,
      status_code: 'ERR_SCOPE_MISSING',
      api: { response: { code: 403, error: 'ERR_SCOPE_MISSING' } },
      src_endpoint: { name: 'unknown' },
      metadata: { profiles: ['security_control'] },
    });
    expect(toOcsf(undecided)).toMatchObject({ class_uid: 6003, severity_id: 3, status_id: 2 });
  });

  test.each([
    ...([
      ['POST', 1],
      ['GET', 2],
      ['HEAD', 2],
      ['OPTIONS', 2],
      ['QUERY', 2],
    ] as const),
    ...([
      ['PUT', 3],
      ['PATCH', 3],
      ['DELETE', 4],
      ['PURGE', 99],
      ['constructor', 99],
    ] as const),
  ])('%s is activity %i', (httpMethod, activity) => {
    const told = toOcsf(lineOf(event({ httpMethod })));
    expect(told).toMatchObject({ activity_id: activity, type_uid: 600_300 + activity });
    if (activity === 99) expect(told).toMatchObject({ activity_name: httpMethod });
  });

  test('lines that are missing are a Base Event', () => {
    expect(toOcsf(gap)).toMatchObject({
      class_uid: 0,
      type_uid: 99,
      time: start + 2000,
      count: 3,
      start_time: start,
      end_time: start + 1000,
      unmapped: { failed: 1, service: 'orders' },
    });
  });
});

describe.each([
  ['toEcs', toEcs],
  ['toOcsf', toOcsf],
] as const)('%s', (name, map) => {
  test('takes a line as text too', () => {
    expect(map(JSON.stringify(allowed))).toEqual(map(allowed));
  });

  test.each(['', '{', 'null', '[]', '{"schema":"sallyport-audit-2","kind":"decision"}'])(
    'rejects %j',
    (text) => {
      expect(() => map(text)).toThrow(ConfigError);
      expect(() => map(text)).toThrow(`${name} requires a line of sallyport-audit-1; got a`);
    },
  );
});
