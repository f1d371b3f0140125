import assert from 'node:assert/strict';

// No framework is installed here, and every door opens all the same.
for (const framework of ['express', 'fastify']) {
  await assert.rejects(import(framework), { code: 'ERR_MODULE_NOT_FOUND' });
}
const names = {
  sallyport: ['AuthError', 'ConfigError', 'UpstreamError', 'checkRequirements', 'createGuard'],
  'sallyport/express': ['expressGuard'],
  'sallyport/fastify': ['fastifyGuard'],
  'sallyport/fetch': ['fetchGuard'],
  'sallyport/testing': ['createTestIssuer', 'guardCases', 'testPrincipal'],
};
for (const [door, expected] of Object.entries(names)) {
  const exported = Object.keys(await import(door));
  for (const name of expected) assert(exported.includes(name), `${door} has no ${name}`);
  assert(!exported.includes('default'), `${door} has a default export`);
}
console.log('works');
