import { Redis as IoRedis } from 'ioredis';
import pg from 'pg';
import { createClient, createCluster, createSentinel } from 'redis';
import {
  checksummed,
  createApiKey,
  hmacSha256,
  inMemoryApiKeys,
  legacyHash,
} from '../../src/api-keys.js';
import type {
  ApiKeyInvalidations,
  ApiKeyLookup,
  ApiKeyOptions,
  PlanSource,
} from '../../src/index.js';
import { type PostgresPool, postgresApiKeys } from '../../src/postgres.js';
import {
  type deleteRedisApiKey,
  redisApiKeys,
  redisInvalidations,
  redisPlan,
  storeRedisApiKey,
} from '../../src/redis.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;

const pool = new pg.Pool();
const node = createClient();
const io = new IoRedis();

// What is meant compiles: the clients as they come, without a cast.
must<Equal<ReturnType<typeof postgresApiKeys>, ApiKeyLookup>>();
postgresApiKeys(pool);
postgresApiKeys(new pg.Client(), {
  table: 'auth.keys',
  columns: { clientId: 'owner', scopes: false },
});
postgresApiKeys({ query: async (_text: string, _values: unknown[]) => ({ rows: [{ id: 1 }] }) });
for (const client of [node, io, createClient({ RESP: 2 }), node.duplicate()]) redisApiKeys(client);
redisApiKeys(node, { hashes: [hmacSha256('pepper'), legacyHash('md5', { prefix: 'salt' })] });
redisApiKeys(io, { rehash: false });
redisApiKeys({
  sendCommand: (args) =>
    createSentinel({ name: 'a', sentinelRootNodes: [] }).sendCommand(false, args),
});
must<Equal<ReturnType<typeof redisInvalidations>, ApiKeyInvalidations>>();
redisInvalidations(node, node.duplicate());
redisInvalidations(io, io.duplicate(), { channel: 'a' });
redisInvalidations(io, node);
must<Equal<ReturnType<typeof redisPlan>, PlanSource>>();
redisPlan(io, { pollInterval: 30 });
storeRedisApiKey(node, { id: 'key_1', digest: createApiKey({ prefix: 'acme' }).digest });
storeRedisApiKey(io, { id: 'key_1', digest: 'd', metadata: { plan: 'gold' } }, { ttl: false });
must<Equal<ReturnType<typeof deleteRedisApiKey>, Promise<boolean>>>();
// What a database returns, with null, a Date and a number, is a lookup's to return.
const found = async () => ({ id: 1, clientId: null, expiresAt: new Date(), disabled: null });
const lookup: ApiKeyOptions['lookup'] = found;
must<Equal<Parameters<typeof lookup>, Parameters<ApiKeyLookup>>>();
// @ts-expect-error: a time, and no text
const misspelt: ApiKeyOptions['lookup'] = async () => ({ id: '1', expiresAt: 'never' });
must<Equal<typeof misspelt, typeof lookup>>();
inMemoryApiKeys([{ id: 'key_1', digest: 'd', scopes: ['a'] }]);
const wellFormed: (value: string) => boolean = checksummed('acme', 'acme_live');
must<Equal<typeof wellFormed, ReturnType<typeof checksummed>>>();
must<Equal<Awaited<ReturnType<PostgresPool['query']>>['rows'][number][string], unknown>>();

// Mistake: a table without its key.
// @ts-expect-error: there is always an id
postgresApiKeys(pool, { columns: { id: false } });
// @ts-expect-error: clientId
postgresApiKeys(pool, { columns: { client_id: 'owner' } });
// @ts-expect-error: a pool, not where it is
postgresApiKeys('postgres://localhost');

// Mistake: a client whose sendCommand takes other parameters.
// @ts-expect-error: the key comes first
redisApiKeys(createCluster({ rootNodes: [] }));
// @ts-expect-error: whether it only reads comes first
redisApiKeys(createSentinel({ name: 'a', sentinelRootNodes: [] }));
// @ts-expect-error: nobody can listen on it
redisInvalidations(node, { sendCommand: async () => undefined });

// Mistake: what is stored is the key itself, or cannot be looked up.
// @ts-expect-error: a digest
inMemoryApiKeys([{ id: 'key_1', key: 'acme_live_x' }]);
// @ts-expect-error: salted
legacyHash('bcrypt');
// @ts-expect-error: at once
inMemoryApiKeys([], { hashes: [{ name: 'own', digest: async (value: string) => value }] });
// @ts-expect-error: a digest
storeRedisApiKey(node, { id: 'key_1' });
// @ts-expect-error: a prefix
createApiKey({});
