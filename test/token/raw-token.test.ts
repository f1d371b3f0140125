import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { bearing } from '../rfc/ask.js';
import { seconds } from '../rfc/mint.js';
import { inFull } from '../runs.js';
import { runAlone } from './child.js';
import { freshKey, longLived, openScene } from './scene.js';

const inspected = (value: unknown): string =>
  inspect(value, {
    showHidden: true,
    depth: Number.POSITIVE_INFINITY,
    maxArrayLength: null,
    maxStringLength: null,
    getters: true,
  });

test('nothing that can be inspected holds a token, remembered or refused', async () => {
  const events: unknown[] = [];
  const { guard, token, key } = await openScene({ onDecision: (event) => void events.push(event) });
  const stranger = await freshKey(key.kid);
  const tokens = [token(), token({ exp: seconds - 60 }), longLived(stranger)];
  const decisions: unknown[] = [];
  for (const one of [...tokens, ...tokens]) decisions.push(await guard(bearing(one)));
  for (const value of [guard, decisions, events]) {
    const text = inspected(value);
    expect(text.length).toBeGreaterThan(20);
    for (const one of tokens) {
      for (const segment of one.split('.').slice(1)) expect(text).not.toContain(segment);
    }
  }
});

// What is searched for is kept as bytes, which no snapshot shows, and backwards.
const searching = `
  import { createHash } from 'node:crypto';
  import { getHeapSnapshot, setFlagsFromString } from 'node:v8';
  import { createGuard } from './src/index.js';
  import { createTestIssuer } from './src/testing.js';

  setFlagsFromString('--heap-snapshot-string-limit=100000');
  const hidden = (text) => Buffer.from(text).reverse();
  const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
  const events = [];
  const guard = createGuard({ ...issuer.options, onDecision: (event) => void events.push(event) });
  const needles = { digest: [], claim: [], payload: [], signature: [], kept: [] };

  async function ask(i, parts, times) {
    const token = await issuer.token({ subject: 'subject-of-' + i, ...parts });
    const header = (name) => (name === 'authorization' ? 'Bearer ' + token : undefined);
    const request = { method: 'GET', url: '/', header };
    const decisions = [];
    for (let time = 0; time < times; time += 1) decisions.push(guard(request));
    await Promise.all(decisions);
    await guard(request);
    const [, payload, signature] = token.split('.');
    needles.payload.push(hidden(payload));
    needles.signature.push(hidden(signature));
    return token;
  }

  // A function of its own, so that nothing of it is on the stack while the snapshot is taken.
  async function askAll(i) {
    const token = await ask(i, {}, i);
    needles.digest.push(hidden(createHash('sha256').update(token).digest('base64url')));
    needles.claim.push(hidden('subject-of-' + i));
    await ask(i, { wrongKey: true }, i);
    await ask(i, { expiresIn: -60 }, i);
    await ask(i, { header: { kid: 'unknown' } }, i);
  }

  for (let i = 0; i < 50; i += 1) await askAll(i);
  // A search that finds nothing at all would say nothing.
  globalThis.kept = await ask(50, {}, 1);
  needles.kept.push(hidden(globalThis.kept.split('.')[2]));
  needles.signature.pop();
  needles.payload.pop();

  for (let i = 0; i < 5; i += 1) {
    await new Promise((done) => setImmediate(done));
    gc();
  }
  const chunks = [];
  for await (const chunk of getHeapSnapshot()) chunks.push(chunk);
  const snapshot = Buffer.concat(chunks);
  const found = {};
  for (const [name, all] of Object.entries(needles)) {
    const seen = all.filter((needle) => snapshot.includes(Buffer.from(needle).reverse()));
    found[name] = seen.length + ' of ' + all.length;
  }
  console.log(JSON.stringify({ ...found, events: events.length }));
  await guard.close();
`;

test.runIf(inFull)('nothing that is on the heap does either', { timeout: 60_000 }, async () => {
  const { out, err, code } = await runAlone(searching, ['--expose-gc']);
  expect({ err, code }).toEqual({ err: '', code: 0 });
  expect(JSON.parse(out)).toEqual({
    digest: '50 of 50',
    claim: '50 of 50',
    payload: '0 of 200',
    signature: '0 of 200',
    kept: '1 of 1',
    events: 5_102,
  });
});
