import { inspect } from 'node:util';
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type AuditOptions, type AuditSettings, auditHash, auditLog } from '../../src/audit.js';
import { ConfigError, type DecisionEvent } from '../../src/index.js';
import { runs } from '../runs.js';
import { event, read, secret, start } from './scene.js';

/** The one line that is written for a decision. */
function lineOf(told: DecisionEvent, settings: AuditSettings = {}) {
  const lines: string[] = [];
  auditLog({ secret, ...settings, write: (line) => void lines.push(line) })(told);
  expect(lines).toHaveLength(1);
  return read(lines[0] ?? '');
}
const raw = { subject: 'raw', actors: 'raw' } as const;

const full = event({
  outcome: 'deny',
  status: 403,
  reason: 'ERR_SCOPE_MISSING',
  wouldDeny: ['ERR_ORG_MISSING'],
  httpMethod: 'POST',
  route: '/orders/:id',
  method: 'both',
  subject: 'user_1',
  actors: ['client_7', 'client_8'],
  clientId: 'shop',
  orgId: 'org_1',
  issuer: 'https://issuer.test',
  tokenId: 'token_1',
  keyId: 'key_1',
  keyPlace: 'header',
  mode: 'dual',
  cohort: 'first',
  scopes: ['orders:read'],
  requiredScopes: ['orders:read', 'orders:write'],
  missingScopes: ['orders:write'],
  durationMs: 1.23456,
});

test('all that an event tells, in one line', () => {
  const correlate = () => ({ requestId: 'req-1', retry: 2, traced: true });
  expect(lineOf(full, { identifiers: raw, service: 'orders', correlate })).toStrictEqual({
    schema: 'sallyport-audit-1',
    kind: 'decision',
    time: '2030-01-01T00:00:00.000Z',
    service: 'orders',
    outcome: 'deny',
    status: 403,
    reason: 'ERR_SCOPE_MISSING',
    wouldDeny: ['ERR_ORG_MISSING'],
    httpMethod: 'POST',
    route: '/orders/:id',
    method: 'both',
    subject: 'user_1',
    actors: ['client_7', 'client_8'],
    clientId: 'shop',
    orgId: 'org_1',
    issuer: 'https://issuer.test',
    tokenId: 'token_1',
    keyId: 'key_1',
    keyPlace: 'header',
    mode: 'dual',
    cohort: 'first',
    scopes: ['orders:read'],
    requiredScopes: ['orders:read', 'orders:write'],
    missingScopes: ['orders:write'],
    durationMs: 1.235,
    correlation: { requestId: 'req-1', retry: 2, traced: true },
  });
});

test('what is not known is left out', () => {
  expect(lineOf(event())).toStrictEqual({
    schema: 'sallyport-audit-1',
    kind: 'decision',
    time: '2030-01-01T00:00:00.000Z',
    outcome: 'allow',
    status: 200,
    httpMethod: 'GET',
    method: 'token',
    durationMs: 0,
  });
});

test('what a refused token claims is apart from who was verified', () => {
  const claimed = { issuer: 'https://issuer.test', clientId: 'shop' };
  const line = lineOf(event({ outcome: 'deny', status: 401, claimed: claimed }));
  expect(line).toMatchObject({ claimed });
  expect(line).not.toHaveProperty('clientId');
  expect(line).not.toHaveProperty('issuer');
});

describe('identifiers', () => {
  test('by default people are hashed, and what they use is told', () => {
    const line = lineOf(full);
    expect(line).toMatchObject({
      subject: auditHash(secret, 'subject', 'user_1'),
      actors: ['client_7', 'client_8'].map((one) => auditHash(secret, 'actors', one)),
      clientId: 'shop',
      orgId: 'org_1',
      tokenId: 'token_1',
      keyId: 'key_1',
    });
    expect(JSON.stringify(line)).not.toContain('user_1');
  });

  test('without a secret all are told as they are', async () => {
    const lines: string[] = [];
    const audit = auditLog({ write: (line) => void lines.push(line) });
    audit(full);
    await audit.close();
    const told = { subject: 'user_1', actors: ['client_7', 'client_8'], keyId: 'key_1' };
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([told]);
  });

  const members = {
    subject: ['subject', 'user_1'],
    client: ['clientId', 'shop'],
    organization: ['orgId', 'org_1'],
    token: ['tokenId', 'token_1'],
    key: ['keyId', 'key_1'],
  } as const;
  test.each(Object.entries(members))('%s: raw, hash or omit', (kind, [member, value]) => {
    const told = (form: 'raw' | 'hash' | 'omit') => lineOf(full, { identifiers: { [kind]: form } });
    expect(told('raw')).toHaveProperty(member, value);
    const hash = auditHash(secret, kind as 'subject', value);
    expect(hash).toMatch(/^hmac:[\w-]{22}$/);
    expect(told('hash')).toHaveProperty(member, hash);
    expect(told('omit')).not.toHaveProperty(member);
  });

  test('actors: raw or omit', () => {
    expect(lineOf(full, { identifiers: { actors: 'raw' } })).toMatchObject({
      actors: full.actors,
    });
    expect(lineOf(full, { identifiers: { actors: 'omit' } })).not.toHaveProperty('actors');
  });

  test('the client that a refused token claims is told as clients are', () => {
    const told = event({ outcome: 'deny', status: 401, claimed: { clientId: 'shop' } });
    expect(lineOf(told, { identifiers: { client: 'omit' } })).not.toHaveProperty('claimed');
    expect(lineOf(told, { identifiers: { client: 'hash' } })).toMatchObject({
      claimed: { clientId: auditHash(secret, 'client', 'shop') },
    });
  });

  test('a hash is of one secret, one kind and one value; and of an actor as of a subject', () => {
    const other = 'another secret that is known to all';
    const bytes = new TextEncoder().encode(secret);
    const hashes = [
      auditHash(secret, 'subject', 'a'),
      auditHash(other, 'subject', 'a'),
      auditHash(secret, 'client', 'a'),
      auditHash(secret, 'subject', 'b'),
    ];
    expect(new Set(hashes).size).toBe(4);
    expect(auditHash(secret, 'actors', 'a')).toBe(hashes[0]);
    expect(auditHash(bytes, 'subject', 'a')).toBe(hashes[0]);
  });

  test('of what is too long, the whole is hashed', () => {
    const [one, other] = ['a', 'b'].map((end) => lineOf(event({ subject: 'x'.repeat(999) + end })));
    expect(one).not.toEqual(other);
    expect(one).not.toHaveProperty('cut');
  });
});

test('what is too long is cut, and the line says so', () => {
  const scopes = Array.from({ length: 65 }, (_, i) => `scope:${i}`);
  const told = event({
    clientId: 'c'.repeat(257),
    orgId: 'o'.repeat(256),
    scopes,
    actors: ['a', 'b', 'c', 'd', 'e', 'f'],
    route: `/${'\u{1f511}'.repeat(200)}`,
  });
  const line = lineOf(told, { identifiers: raw });
  expect(line).toMatchObject({
    clientId: `${'c'.repeat(255)}…`,
    orgId: 'o'.repeat(256),
    scopes: scopes.slice(0, 64),
    actors: ['a', 'b', 'c', 'd', 'e'],
    cut: ['route', 'actors', 'clientId', 'scopes'],
  });
});

test('half of a pair of UTF-16 is no character, also where a text is cut', () => {
  expect(lineOf(event({ clientId: '\ud800a' }))).toMatchObject({ clientId: '\ufffda' });
  const cut = lineOf(event({ clientId: `${'c'.repeat(254)}\u{1f511}${'c'.repeat(9)}` }));
  expect(cut).toMatchObject({ clientId: `${'c'.repeat(254)}\ufffd…` });
});

describe('correlation', () => {
  const told = (correlate: AuditSettings['correlate']) =>
    lineOf(event(), correlate ? { correlate } : {});

  test('has eight members at most, each short and plain', () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`n${i}`, i]));
    expect(told(() => many)).toMatchObject({
      correlation: Object.fromEntries(Object.entries(many).slice(0, 8)),
    });
    const odd = { long: 'x'.repeat(200), list: [1], none: null, 'a b': 1, nan: Number.NaN, ok: 1 };
    expect(told(() => odd)).toMatchObject({ correlation: { long: 'x'.repeat(128), ok: 1 } });
    expect(Object.keys((told(() => odd) as { correlation: object }).correlation)).toHaveLength(2);
  });

  test.each<[string, AuditSettings['correlate']]>([
    ['answers nothing', () => undefined],
    ['answers an empty object', () => ({})],
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', (() => Promise.reject(new Error('mine'))) as never],
    ['answers a text', (() => 'req-1') as never],
    [
      'has a getter that throws',
      () => ({
        get requestId(): string {
          throw new Error('mine');
        },
      }),
    ],
  ])('%s: the line is written all the same', (_, correlate) => {
    expect(told(correlate)).not.toHaveProperty('correlation');
  });

  test('is asked with the event', () => {
    expect(told(({ httpMethod }) => ({ httpMethod }))).toMatchObject({
      correlation: { httpMethod: 'GET' },
    });
  });
});

describe('sampling', () => {
  function writtenOf(told: DecisionEvent, settings: AuditSettings) {
    const lines: string[] = [];
    const log = auditLog({ secret, ...settings, write: (line) => void lines.push(line) });
    log(told);
    expect(log.counts()).toMatchObject({ written: lines.length, sampledOut: 1 - lines.length });
    return lines.map(read);
  }

  test.each(['GET', 'HEAD', 'OPTIONS'])('an allowed %s may be left out', (httpMethod) => {
    const told = event({ httpMethod });
    expect(writtenOf(told, { sample: 0.25, random: () => 0.25 })).toEqual([]);
    expect(writtenOf(told, { sample: 0.25, random: () => 0.2 })).toMatchObject([
      { sampleRate: 0.25 },
    ]);
    expect(writtenOf(told, { sample: 0, random: () => 0 })).toEqual([]);
    expect(writtenOf(told, { random: () => 1 })).toHaveLength(1);
  });

  const never: Partial<DecisionEvent>[] = [
    ...['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY', 'get', 'PURGE', ''].map(
      (httpMethod) => ({ httpMethod }),
    ),
    { outcome: 'deny', status: 403 },
    { outcome: 'deny', status: 401 },
    { outcome: 'error', status: 503 },
    { wouldDeny: ['ERR_SCOPE_MISSING'] },
  ];
  test.each(never)('%o is always written', (bent) => {
    const [line] = writtenOf(event(bent), { sample: 0, random: () => 1 });
    expect(line).toBeDefined();
    expect(line).not.toHaveProperty('sampleRate');
  });

  test('may be by function: what is no rate, or an error, leaves nothing out', () => {
    const sample = ({ route }: DecisionEvent) => (route === '/health' ? 0 : 1);
    expect(writtenOf(event({ route: '/health' }), { sample })).toEqual([]);
    expect(writtenOf(event({ route: '/orders' }), { sample })).toHaveLength(1);
    for (const wrong of [-1, 2, Number.NaN, '0', undefined]) {
      expect(writtenOf(event(), { sample: () => wrong as number, random: () => 1 })).toHaveLength(
        1,
      );
    }
    const fails = () => {
      throw new Error('mine');
    };
    expect(writtenOf(event(), { sample: fails })).toHaveLength(1);
    expect(writtenOf(event(), { sample: 0.5, random: fails })).toHaveLength(1);
  });
});

describe('any event', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.constantFrom(
      '\n',
      '\r\n{"schema":',
      '\u2028',
      '\u2029',
      '\u0085',
      '\0',
      '\x1b[31m',
      '"',
      '\\',
    ),
    fc.constantFrom('\ud800', '\udc00a', 'x'.repeat(5000), '\u202e', '__proto__', 'constructor'),
  );
  const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
  const list = maybe(fc.array(text, { maxLength: 70 }));
  const anyEvent = fc
    .record({
      time: fc.integer({ min: -8.64e15, max: 8.64e15 }),
      outcome: fc.constantFrom('allow', 'deny', 'error'),
      status: fc.constantFrom(200, 400, 401, 403, 410, 503),
      method: fc.constantFrom('token', 'api-key', 'both', 'none'),
      mode: maybe(fc.constantFrom('key-only', 'dual', 'deprecated', 'token-only', 'extension')),
      keyPlace: maybe(fc.constantFrom('header', 'scheme', 'bearer', 'query')),
      durationMs: fc.oneof(fc.double(), fc.integer()),
      httpMethod: text,
      claimed: maybe(fc.record({ issuer: maybe(text), clientId: maybe(text) })),
      ...Object.fromEntries(
        ['subject', 'clientId', 'orgId', 'issuer', 'tokenId', 'keyId', 'cohort', 'reason', 'route']
          .concat('detail')
          .map((name) => [name, maybe(text)]),
      ),
      ...Object.fromEntries(
        ['scopes', 'requiredScopes', 'missingScopes', 'wouldDeny', 'actors'].map((name) => [
          name,
          list,
        ]),
      ),
    })
    .map((one) => one as unknown as DecisionEvent);
  const form = fc.constantFrom('raw', 'hash', 'omit');
  const identifiers = fc.record({
    subject: form,
    actors: form,
    client: form,
    key: form,
    token: form,
    organization: form,
  });

  test('is one line of JSON that fits the schema', () => {
    fc.assert(
      fc.property(anyEvent, identifiers, fc.dictionary(text, text), (told, forms, found) => {
        const line = lineOf(told, {
          identifiers: forms as never,
          correlate: () => found,
          service: 'orders',
        });
        expect(Date.parse(line.time)).toBe(told.time);
        const kinds = {
          subject: 'subject',
          client: 'clientId',
          organization: 'orgId',
          token: 'tokenId',
          key: 'keyId',
        };
        for (const [kind, member] of Object.entries(kinds)) {
          if (forms[kind as 'subject'] === 'omit') expect(line).not.toHaveProperty(member);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  test('that cannot be told is counted, and throws nothing', () => {
    const log = auditLog({ secret, write: () => {} });
    const odd = [null, undefined, 1, 'x', [], {}, event({ time: Number.NaN })];
    for (const one of odd) log(one as never);
    log({
      ...event(),
      get reason(): string {
        throw new Error('mine');
      },
    } as never);
    expect(log.counts()).toMatchObject({ written: 0, failed: odd.length + 1, waiting: 0 });
  });

  test('what is in Object.prototype is in no line', () => {
    const name = 'subject';
    Object.defineProperty(Object.prototype, name, { value: 'admin', configurable: true });
    try {
      const lines: string[] = [];
      auditLog({ secret, write: (line) => void lines.push(line) })(event());
      expect(lines[0]).not.toContain('hmac');
    } finally {
      Reflect.deleteProperty(Object.prototype, name);
    }
  });
});

describe('an invalid option throws a ConfigError at startup', () => {
  const write = () => {};
  const invalid: [options: object | null, message: RegExp][] = [
    [null, /^auditLog must be an object with named settings; got null/],
    [{}, /^auditLog must have either write or stream; got neither/],
    [{ secret, write, stream: process.stdout }, /either write or stream; got both/],
    [{ secret, write: process.stdout }, /auditLog\.write must be a function; .* as stream/],
    [{ secret, stream: {} }, /auditLog\.stream must be a Writable stream; got an object/],
    [{ secret, stream: pino.destination(1) }, /auditLog\.stream must be a Writable stream/],
    [{ secret, stream: write }, /auditLog\.stream must be a Writable stream; got a function/],
    [
      { write, identifiers: { subject: 'hash', key: 'hash' } },
      /auditLog\.secret is required to hash subject and key; got undefined: .*openssl/,
    ],
    [{ write, identifiers: { ...raw, key: 'hash' } }, /required to hash key; /],
    [{ write, secret: 'x'.repeat(31) }, /auditLog\.secret must have at least 32 bytes; got 31: /],
    [{ write, secret: 42 }, /auditLog\.secret must be a string or bytes; got a number: /],
    [
      { write, secret, identifiers: { subject: 'plain' } },
      /identifiers\.subject must be one of "raw", "hash", "omit"; got another string/,
    ],
    [
      { write, secret, identifiers: { user: 'raw' } },
      /identifiers\.user is not a known setting: use subject/,
    ],
    [{ write, secret, Sample: 1 }, /auditLog\.Sample is not a known .* did you mean "sample"\?/],
    [{ write, secret, sample: 1.5 }, /auditLog\.sample must be a number .* got another number/],
    [{ write, secret, sample: undefined }, /auditLog\.sample must not be undefined: set the/],
    [{ write, secret, correlate: {} }, /auditLog\.correlate must be a function; got an object/],
    [{ write, secret, service: '' }, /service must be a non-empty string; got an empty string/],
    [{ write, secret, service: 'x'.repeat(129) }, /service must have at most 128 .* got 129/],
    [{ write, secret, queue: { lines: 0 } }, /queue\.lines must be an integer from 1 to/],
    [{ write, secret, queue: { bytes: 1023 } }, /queue\.bytes must be an integer from 1024 to/],
    [{ write, secret, queue: { size: 1 } }, /queue\.size is not a known .*: use lines, bytes/],
  ];
  test.each(invalid)('%o', (options, message) => {
    const make = () => auditLog(options as AuditOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
    expect(make).toThrow(/ See docs\/audit\.md of sallyport\.$/);
    try {
      make();
    } catch (error) {
      expect(inspect(error)).not.toContain('xxx');
    }
  });

  test('and so does one of auditHash, flush and close', async () => {
    expect(() => auditHash('short', 'subject', 'a')).toThrow(/at least 32 bytes; got 5/);
    expect(() => auditHash(secret, 'user' as 'subject', 'a')).toThrow(/the kind must be one of/);
    const log = auditLog({ secret, write });
    for (const how of [{ timeout: -1 }, { timeout: Number.NaN }, { time: 1 } as never]) {
      expect(() => log.flush(how)).toThrow(ConfigError);
      expect(() => log.close(how)).toThrow(ConfigError);
    }
  });
});

test('the time is the event’s', () => {
  expect(lineOf(event({ time: start + 1 }))).toMatchObject({ time: '2030-01-01T00:00:00.001Z' });
});
