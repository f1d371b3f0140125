import { afterEach, describe, expect, test } from 'vitest';
import { AuthError, type AuthErrorCode, ConfigError, UpstreamError } from '../../src/index.js';
import { bearing } from '../rfc/ask.js';
import { guardFor, keyFor, mint } from '../rfc/mint.js';
import { refusals } from '../rfc/refusals.js';
import { runAlone } from './child.js';
import { down, openScene } from './scene.js';

const key = await keyFor('ES256');
const stranger = await keyFor('ES256', 'stranger');

const { stackTraceLimit } = Error;
afterEach(() => {
  const changed = Error.stackTraceLimit;
  Error.stackTraceLimit = stackTraceLimit;
  expect(changed).toBe(stackTraceLimit);
});

/** The lines of a stack that name a place. */
const frames = ({ stack }: Error): readonly string[] =>
  (stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));

describe.each(refusals)('$code', (refusal) => {
  test('has a stack exactly if somebody has to look for its cause', async () => {
    const token = refusal.token?.(key, stranger) ?? mint(key);
    const guard = refusal.guard?.(key, {}) ?? guardFor([key.jwk]);
    const decision = await guard(refusal.request(token), refusal.requirements);
    if (decision.allowed) throw new Error('the guard let it through');
    const { error } = decision;
    expect(error.code).toBe(refusal.code);
    if (error instanceof UpstreamError) {
      expect(frames(error).length).toBeGreaterThan(0);
    } else {
      expect(error.stack).toBe(`AuthError: ${error.message}`);
      expect(frames(error)).toEqual([]);
    }
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect(frames(new Error('of somebody else')).length).toBeGreaterThan(0);
  });
});

describe('a stack', () => {
  test.each([0, 1, 3, 50, Number.POSITIVE_INFINITY])(
    'of others is as long as they want it to be: %d frames',
    (limit) => {
      Error.stackTraceLimit = limit;
      new AuthError('ERR_TOKEN_EXPIRED');
      const { stackTraceLimit: after } = Error;
      const other = frames(new TypeError('of somebody else')).length;
      Error.stackTraceLimit = stackTraceLimit;
      expect(after).toBe(limit);
      expect(other).toBeLessThanOrEqual(limit);
      expect(other > 0).toBe(limit > 0);
    },
  );

  test('is had by what an operator or a developer has to look for', async () => {
    const { guard, network, token } = await openScene();
    network.answer = down;
    await expect(guard.ready()).rejects.toSatisfy((error: Error) => frames(error).length > 0);
    const decision = await guard(bearing(token()));
    expect(decision).toMatchObject({ allowed: false, error: { name: 'UpstreamError' } });
    expect(frames(new UpstreamError('ERR_JWKS_TIMEOUT', 'late'))[0]).toContain('refusals.test.ts');
    expect(frames(new ConfigError('a mistake'))[0]).toContain('refusals.test.ts');
    const mistake = await guard(bearing(token()), { scopes: [] }).catch((error: Error) => error);
    expect(mistake).toBeInstanceOf(ConfigError);
    expect(frames(mistake as Error).length).toBeGreaterThan(0);
  });

  test('of what the application throws is untouched', async () => {
    const { guard, token } = await openScene();
    const broken = () => {
      throw new RangeError('the application broke');
    };
    const thrown = await guard(bearing(token()), { check: broken }).catch((error: Error) => error);
    expect(frames(thrown as Error)[0]).toContain('refusals.test.ts');
  });

  test('of others is as long as before, though a code was none of ours', () => {
    try {
      new AuthError('ERR_NO_SUCH_CODE' as AuthErrorCode);
    } catch {
      // Whatever that is worth.
    }
    const { stackTraceLimit: after } = Error;
    Error.stackTraceLimit = stackTraceLimit;
    expect(after).toBe(stackTraceLimit);
  });
});

/** Asks a guard, in a process whose Error cannot be changed, and prints what came of it. */
const asking = (freeze: string) => `
  import { AuthError, createGuard } from './src/index.js';
  import { createTestIssuer } from './src/testing.js';
  const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
  const guard = createGuard(issuer.options);
  ${freeze}
  const ask = async (token, requirements) => {
    const header = (name) => (name === 'authorization' ? 'Bearer ' + token : undefined);
    const decision = await guard({ method: 'GET', url: '/', header }, requirements);
    return decision.allowed ? 'allowed' : decision.error.code + ' ' + decision.denial.status;
  };
  const good = await issuer.token({ scopes: ['a'] });
  const said = [Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit').writable];
  said.push(await ask(good), await ask(good), await ask(good, { scopes: ['b'] }));
  said.push(await ask(await issuer.token({ expiresIn: -60 })), await ask('opaque'));
  said.push(await ask(await issuer.token({ wrongKey: true })));
  said.push(new AuthError('ERR_TOKEN_EXPIRED') instanceof AuthError);
  said.push(Error.stackTraceLimit);
  console.log(JSON.stringify(said));
`;
const said = [
  false,
  ...['allowed', 'allowed', 'ERR_SCOPE_MISSING 403'],
  ...['ERR_TOKEN_EXPIRED 401', 'ERR_TOKEN_NOT_JWT 401', 'ERR_TOKEN_SIGNATURE 401'],
  true,
  10,
];

describe('where Error.stackTraceLimit cannot be written, refusals are the same', {
  timeout: 30_000,
}, () => {
  test.each<[string, string[], string]>([
    ['for it was frozen first', ['--import', 'data:text/javascript,Object.freeze(Error)'], ''],
    ['for it was frozen meanwhile', [], 'Object.freeze(Error);'],
    ['for all intrinsics are frozen', ['--frozen-intrinsics', '--no-warnings'], ''],
    [
      'for it is made so',
      [],
      "Object.defineProperty(Error, 'stackTraceLimit', { value: 10, writable: false });",
    ],
  ])('%s', async (_, flags, freeze) => {
    const { out, err, code } = await runAlone(asking(freeze), flags);
    expect({ out: out && JSON.parse(out), err, code }).toEqual({ out: said, err: '', code: 0 });
  });

  test('for it is not there at all', async () => {
    const gone = asking('delete Error.stackTraceLimit;').replace(/\[Object[^\]]+\]/, '[false]');
    const { out, err, code } = await runAlone(gone);
    const without = said.map((one) => (one === 10 ? null : one));
    expect({ out: out && JSON.parse(out), err, code }).toEqual({ out: without, err: '', code: 0 });
  });
});
