import assert from 'node:assert/strict';
import fastify from 'fastify';
import { esm, pairs } from './copies.js';

const issuer = await esm.createTestIssuer();
const down = await esm.createTestIssuer();
down.goDown();
const asking = (header) => ({ method: 'GET', url: '/', header: () => header });
const errorOf = (act) =>
  Promise.resolve()
    .then(act)
    .then(assert.fail, (error) => error);

for (const [own, other] of pairs) {
  // Each copy's errors are both copies' errors, and each is of one class only.
  const refused = await own.createGuard(issuer.options)(asking(undefined));
  const outage = await own.createGuard(down.options)(asking(`Bearer ${await down.token()}`));
  const errors = {
    AuthError: refused.error,
    UpstreamError: outage.error,
    ConfigError: await errorOf(() => own.createGuard({})),
  };
  for (const [name, error] of Object.entries(errors)) {
    for (const copy of [own, other]) {
      for (const one of Object.keys(errors)) {
        assert.equal(error instanceof copy[one], one === name, `${name} instanceof ${one}`);
      }
      assert(!(new Error('another') instanceof copy[name]));
    }
  }

  // The doors of one build share one class, not only one brand.
  const testIssuer = await own.createTestIssuer();
  const mistakes = {
    '.': () => own.checkRequirements({ scope: ['a'] }),
    './express': () => own.expressGuard({}),
    'requirements of ./express': () => own.expressGuard(issuer.options)({ scope: ['a'] }),
    './fastify': async () => await fastify().register(own.fastifyGuard, {}),
    './fetch': () => own.fetchGuard({}),
    './api-keys': () => own.createApiKey({ prefix: '' }),
    './plan': () => own.checkPlan('{}}'),
    './postgres': () => own.postgresApiKeys({}),
    './redis': () => own.redisApiKeys({}),
    './audit': () => own.auditLog({}),
    './report': () => own.reportPage({}),
    './usage': () => own.fileUsageStore(''),
    './testing': () => testIssuer.token({ scope: ['a'] }),
  };
  for (const [door, mistake] of Object.entries(mistakes)) {
    assert.equal((await errorOf(mistake)).constructor, own.ConfigError, door);
  }
}
console.log('works');
