const assert = require('node:assert/strict');

// No framework and no client is installed here, and every door opens all the same.
for (const other of [
  'express',
  'fastify',
  'hono',
  'pg',
  'redis',
  'ioredis',
  '@opentelemetry/api',
]) {
  assert.throws(() => require(other), { code: 'MODULE_NOT_FOUND' });
}
const names = {
  sallyport: [
    ...['AuthError', 'ConfigError', 'UpstreamError'],
    ...['checkPlan', 'checkRequirements', 'createGuard', 'deniedError', 'principalOf'],
  ],
  'sallyport/express': ['expressGuard'],
  'sallyport/fastify': ['fastifyGuard', 'hookFor'],
  'sallyport/fetch': ['fetchGuard'],
  'sallyport/hono': ['honoGuard'],
  'sallyport/node': ['sendDenial', 'toGuardRequest'],
  'sallyport/api-keys': [
    ...['checksummed', 'createApiKey', 'inMemoryApiKeys'],
    ...['hmacSha256', 'legacyHash', 'sha256'],
  ],
  'sallyport/plan': ['checkPlan', 'planFile'],
  'sallyport/postgres': ['postgresApiKeys', 'postgresUsageStore', 'usageTables'],
  'sallyport/redis': [
    'redisInvalidations',
    'redisApiKeys',
    'redisPlan',
    'redisUsageStore',
    'storeRedisApiKey',
  ],
  'sallyport/audit': ['auditLog'],
  'sallyport/report': ['migrationReport', 'ownReport', 'renderHtml', 'renderText', 'reportPage'],
  'sallyport/usage': ['fileUsageStore', 'memoryUsageStore', 'mergeRows'],
  'sallyport/testing': ['createTestIssuer', 'conformanceCases', 'testPrincipal'],
};
for (const [door, expected] of Object.entries(names)) {
  const exported = Object.keys(require(door));
  for (const name of expected) assert(exported.includes(name), `${door} has no ${name}`);
  assert(!exported.includes('default'), `${door} has a default export`);
}
console.log('works');
