import { describe, expect, test } from 'vitest';
import { ConfigError, type Denial, type ProblemDetails } from '../../src/index.js';
import { bearing, refuse, requestOf } from './ask.js';
import { guardFor, keyFor, mint } from './mint.js';
import { answerTo, gone, prepare, refusals } from './refusals.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');
const denialOf = (refusal: (typeof refusals)[number]): Promise<Denial<ProblemDetails>> => {
  const { guard, request, requirements } = prepare(refusal, key, stranger);
  return refuse(guard, request, requirements);
};
const denials = await Promise.all(refusals.map(denialOf));

describe.each(refusals)('RFC 9457 §3, the problem of $code', (refusal) => {
  const { told, status, error, members } = answerTo(refusal.code);

  test('RFC 9457 §3: the media type MUST be application/problem+json, and the body its object', async () => {
    const { headers, body } = await denialOf(refusal);
    expect(headers['Content-Type']).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(JSON.stringify(body))).toEqual(body);
  });

  test('RFC 9457 §3.1.2: its status MUST be the status of the answer', async () => {
    const denial = await denialOf(refusal);
    expect([denial.status, denial.body.status]).toEqual([status, status]);
  });

  test('RFC 9457 §3.1.1: its type MUST be a URI, and name the code', async () => {
    const { type, code } = (await denialOf(refusal)).body;
    expect(code).toBe(told);
    expect(type).toMatch(/^urn:sallyport:problem:[a-z]+(-[a-z]+)*$/);
    expect(code).toBe(`ERR_${type.slice(22).toUpperCase().replaceAll('-', '_')}`);
  });

  test('RFC 9457 §3.1.3, §3.1.4: title and detail SHOULD be sentences that name no value', async () => {
    const { title, detail } = (await denialOf(refusal)).body;
    expect(title).toMatch(/^(API|[A-Z][a-z]+)( (API|[a-z]+))*$/);
    expect(detail).toMatch(/^[A-Z][A-Za-z ,.]+$/);
  });

  test('RFC 9457 §3.2: extension members SHOULD be error, error_description and code, for a key that is over the way out, and no more', async () => {
    const { body } = await denialOf(refusal);
    const { type, title, status, detail, ...extensions } = body;
    expect(extensions).toEqual({
      ...(error && { error, error_description: detail }),
      code: told,
      ...members,
    });
    for (const name of Object.keys(extensions)) expect(name).toMatch(/^[A-Za-z][A-Za-z0-9_]{2,}$/);
  });

  test('RFC 9111 §5.2.2.5: the answer MUST NOT be stored', async () => {
    expect((await denialOf(refusal)).headers['Cache-Control']).toBe('no-store');
  });
});

describe('RFC 9457 §3.1.3, problem types', () => {
  test('RFC 9457 §3.1.3: a type SHOULD always have the same title, status and detail', () => {
    const types = new Set(denials.map(({ body }) => body.type));
    const titles = denials.map(({ body: { type, title, status, detail, error } }) =>
      JSON.stringify([type, title, status, detail, error]),
    );
    expect(new Set(titles).size).toBe(types.size);
    expect(types.size).toBe(new Set(refusals.map(({ code }) => answerTo(code).told)).size);
  });

  /** Whole answers, headers and all, of the refusals whose client reads this code. */
  const answersOf = (told: string) =>
    denials.filter(({ body }) => body.code === told).map((denial) => JSON.stringify(denial));

  test.each([
    ['an outage', 'ERR_TEMPORARILY_UNAVAILABLE', 9],
    ['a bad key', 'ERR_API_KEY_INVALID', 5],
    ['a bad pair', 'ERR_CREDENTIAL_AMBIGUOUS', 2],
  ])('RFC 9457 §3.1.1: a refusal SHOULD NOT tell %s from another', (_, told, count) => {
    expect(answersOf(told)).toHaveLength(count);
    expect(new Set(answersOf(told)).size).toBe(1);
  });

  test('RFC 9457 §3.2: of keys that are over, only a brownout SHOULD say more', () => {
    const [retired, migrated, brownout] = answersOf('ERR_API_KEY_RETIRED');
    expect(migrated).toBe(retired);
    const { headers, body } = JSON.parse(brownout ?? '');
    const { 'Retry-After': retryAfter, ...others } = headers;
    const { brownout: isBrownout, ...rest } = body;
    expect([retryAfter, isBrownout]).toEqual(['1800', true]);
    expect(JSON.parse(retired ?? '')).toEqual({ status: 401, headers: others, body: rest });
  });

  test.each(gone)('RFC 9457 §3.1.2: $code is the same problem as 410', async (refusal) => {
    const { status, headers, body } = await denialOf(refusal);
    const other = denials[refusals.findIndex(({ code }) => code === refusal.code)];
    const { 'WWW-Authenticate': _, ...plain } = other?.headers ?? {};
    expect(status).toBe(410);
    expect(headers).toEqual(plain);
    expect(body).toEqual({ ...other?.body, status: 410 });
  });

  test.each([
    ['https://errors.test/', 'https://errors.test/token-not-jwt'],
    ['https://errors.test/p#', 'https://errors.test/p#token-not-jwt'],
    ['https://errors.test/?type=', 'https://errors.test/?type=token-not-jwt'],
    ['tag:api.test,2030:', 'tag:api.test,2030:token-not-jwt'],
  ])('RFC 9457 §3.1.1: with problemTypeBase %s the type is %s', async (problemTypeBase, type) => {
    const guard = guardFor([key.jwk], { problemTypeBase });
    expect((await refuse(guard, bearing('opaque'))).body.type).toBe(type);
    expect((await refuse(guard, requestOf({}))).body.type).toBe(
      type.replace('token-not-jwt', 'credential-missing'),
    );
  });

  test.each([
    '',
    '/problems/',
    'problems',
    'https://errors.test',
    'https://x.test/a b/',
    'https://x.test/é/',
  ])(
    'RFC 9457 §3.1.1: problemTypeBase "%s" is no beginning of a URI, so it MUST be refused',
    (problemTypeBase) => {
      expect(() => guardFor([key.jwk], { problemTypeBase })).toThrow(ConfigError);
    },
  );

  test('RFC 9457 §5: of two bad tokens with one fault, the answers MUST be the same', async () => {
    const guard = guardFor([key.jwk]);
    const claims = [
      { aud: 'a', sub: 'x' },
      { aud: ['b', 'c'], org_id: 'y', scope: 'z' },
    ];
    const answers = await Promise.all(
      claims.map((some) => refuse(guard, bearing(mint(key, { claims: some })))),
    );
    expect(answers[0]).toEqual(answers[1]);
  });
});
