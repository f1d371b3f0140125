import { describe, expect, test } from 'vitest';
import type { DecisionEvent, Denial, GuardRequest } from '../../src/index.js';
import { bearing, requestOf, sending } from '../rfc/ask.js';
import { bearerParameters } from '../rfc/challenge-grammar.js';
import { guardFor, issuer, keyFor, mint } from '../rfc/mint.js';

const key = await keyFor('ES256');
const mark = 'EVIL';
const events: DecisionEvent[] = [];
const guard = guardFor([key.jwk], {
  realm: 'api',
  resourceMetadataUrl: 'https://api.test/metadata',
  onDecision: (event) => events.push(event),
});

const payloads = {
  'CR LF and a header': `${mark}\r\nX-${mark}: 1\r\n\r\n${mark}`,
  'LF alone': `${mark}\nX-${mark}: 1`,
  'CR alone': `${mark}\rX-${mark}: 1`,
  'a quote and a parameter': `${mark}", error="${mark}`,
  'a backslash': `${mark}\\", scope="${mark}\\`,
  NUL: `${mark}\0${mark}`,
  'obs-text': `${mark}\u00e9\u00ff${mark}`,
  'a line separator': `${mark}\u2028\u0085${mark}`,
  'what becomes CR LF in Latin-1': `${mark}\u010d\u010a${mark}`,
  emoji: `${mark}\u{1f511}${mark}`,
  'a lone surrogate': `${mark}\ud800${mark}`,
  HTML: `<script>${mark}</script>`,
  'JSON that ends': `${mark}"},"allowed":true,{"`,
  'escape codes': `\u001b]0;${mark}\u0007`,
  'a great length': mark.repeat(1500),
};

/** Whatever an attacker says, the answer is the same three headers, to the letter. */
function expectPlain({ headers, body }: Denial): void {
  expect(JSON.stringify([headers, body])).not.toContain(mark);
  for (const value of Object.values(headers)) expect(value).toMatch(/^[ -~]+$/);
  const known = ['Content-Type', 'Cache-Control', 'WWW-Authenticate'];
  expect(known).toEqual(expect.arrayContaining(Object.keys(headers)));
  if (headers['WWW-Authenticate']) {
    const { realm, resource_metadata } = bearerParameters(headers['WWW-Authenticate']);
    expect([realm, resource_metadata]).toEqual(['api', 'https://api.test/metadata']);
  }
}

async function answer(request: GuardRequest, requirements = {}): Promise<[string, Denial]> {
  const decision = await guard(request, requirements);
  if (decision.allowed) throw new Error('the guard let it through');
  return [decision.error.code, decision.denial];
}

describe.each(Object.entries(payloads))('%s', (_, text) => {
  test.each([
    ['kid', 'ERR_TOKEN_KEY_UNKNOWN'],
    ['alg', 'ERR_TOKEN_ALGORITHM'],
    ['typ', 'ERR_TOKEN_TYPE'],
    ['crit', 'ERR_TOKEN_CRITICAL'],
    ['b64', 'ERR_TOKEN_CRITICAL'],
  ])('in the %s of the header is in no answer', async (name, code) => {
    const [found, denial] = await answer(bearing(mint(key, { header: { [name]: text } })));
    expect(found).toBe(code);
    expectPlain(denial);
  });

  test.each([
    ['iss', 'ERR_TOKEN_ISSUER'],
    ['aud', 'ERR_TOKEN_AUDIENCE'],
    ['exp', 'ERR_TOKEN_TIME'],
    ['nbf', 'ERR_TOKEN_TIME'],
    ['iat', 'ERR_TOKEN_TIME'],
    ['cnf', 'ERR_TOKEN_BOUND'],
    ['token_use', 'ERR_TOKEN_NOT_ACCESS_TOKEN'],
    ['scope', 'ERR_SCOPE_MISSING'],
    ['sub', 'ERR_SCOPE_MISSING'],
    ['client_id', 'ERR_SCOPE_MISSING'],
  ])('in the claim %s is in no answer', async (name, code) => {
    const request = bearing(mint(key, { claims: { [name]: text } }));
    const [found, denial] = await answer(request, { scopes: ['read'] });
    expect(found).toBe(code);
    expectPlain(denial);
  });

  test('in the organization of the token or of the request is in no answer', async () => {
    const token = mint(key, { claims: { org_id: text } });
    const [mismatch, first] = await answer(bearing(token), { orgId: 'org_1' });
    const [other, second] = await answer(bearing(mint(key, { claims: { org_id: 'org_1' } })), {
      orgId: () => text,
    });
    expect([mismatch, other]).toEqual(['ERR_ORG_MISMATCH', 'ERR_ORG_MISMATCH']);
    expectPlain(first);
    expectPlain(second);
  });

  test('in Authorization is in no answer', async () => {
    const token = mint(key);
    for (const value of [text, `Bearer ${text}`, `Bearer ${token}${text}`, `${text} ${token}`]) {
      const [code, denial] = await answer(sending(value));
      expect(code).toMatch(
        /^ERR_(HEADER_MALFORMED|HEADER_REPEATED|CREDENTIAL_MISSING|TOKEN_MALFORMED|TOKEN_NOT_JWT)$/,
      );
      expectPlain(denial);
    }
  });

  test('in the method, the URL or another header is in no answer', async () => {
    const [code, denial] = await answer(
      requestOf(
        { cookie: text, host: text, 'x-org': text },
        { method: text, url: `/${text}?${text}` },
      ),
    );
    expect(code).toBe('ERR_CREDENTIAL_MISSING');
    expectPlain(denial);
    const [inQuery, told] = await answer(requestOf({}, { url: `/?access_token=${text}` }));
    expect(inQuery).toBe('ERR_TOKEN_IN_QUERY');
    expectPlain(told);
  });

  test('in an unverified token reaches an event only as printable text of at most 128', async () => {
    events.length = 0;
    await answer(bearing(mint(key, { claims: { iss: text, client_id: text } })));
    await answer(bearing(mint(key, { claims: { iss: issuer, aud: text, client_id: text } })));
    expect(events.map(({ reason }) => reason)).toEqual(['ERR_TOKEN_ISSUER', 'ERR_TOKEN_AUDIENCE']);
    const printable = text.replace(/[^ -~]/g, '').slice(0, 128);
    expect(events.map(({ claimed }) => claimed)).toEqual([
      { issuer: printable, clientId: printable },
      { issuer, clientId: printable },
    ]);
    for (const event of events) {
      expect(event).not.toHaveProperty('subject');
      expect(event).not.toHaveProperty('clientId');
    }
  });
});
