import { sha256 } from '../../src/api-keys.js';
import type { ApiKeyLookup, ApiKeyRecord } from '../../src/index.js';
import { postgresApiKeys } from '../../src/postgres.js';
import { redisApiKeys, storeRedisApiKey } from '../../src/redis.js';
import { openPostgres, postgresPrograms } from './postgres-server.js';
import { openRedis, redisClients, redisPrograms } from './redis-server.js';
import type { Service } from './service.js';

/** A server with keys in it, and the look-up that goes there. */
export interface Store {
  readonly server: Service;
  readonly lookup: ApiKeyLookup;
  /** Stores keys, by what they are. */
  put(keys: Readonly<Record<string, ApiKeyRecord>>): Promise<void>;
  close(): Promise<void>;
}

/** A store that keys can be kept in. */
export interface Kind {
  readonly name: string;
  readonly programs: readonly string[];
  open(): Promise<Store>;
}

const postgres: Kind = {
  name: 'postgresApiKeys',
  programs: postgresPrograms,
  async open() {
    const server = await openPostgres();
    const pool = server.pool({ max: 20 });
    await pool.query(`create table api_keys (id text primary key, digest text unique,
      client_id text, org_id text, subject text, scopes text[], expires_at timestamptz,
      disabled boolean, environment text, created_by text)`);
    return {
      server,
      lookup: postgresApiKeys(pool),
      async put(keys) {
        for (const [value, { id, disabled }] of Object.entries(keys)) {
          await pool.query(
            `insert into api_keys (id, digest, disabled) values ($1, $2, $3)
              on conflict (id) do update set disabled = $3`,
            [id, sha256.digest(value), disabled],
          );
        }
      },
      close: server.close,
    };
  },
};

const redis = Object.entries(redisClients).map(
  ([name, connect]): Kind => ({
    name: `redisApiKeys by ${name}`,
    programs: redisPrograms,
    async open() {
      const server = await openRedis();
      const { client, close } = await connect(server.port);
      return {
        server,
        lookup: redisApiKeys(client),
        async put(keys) {
          for (const [value, record] of Object.entries(keys)) {
            await storeRedisApiKey(client, { ...record, digest: sha256.digest(value) });
          }
        },
        async close() {
          close();
          await server.close();
        },
      };
    },
  }),
);

export const kinds: readonly Kind[] = [postgres, ...redis];
