import { expressGuard } from '../../dist/esm/express.js';
import { fastifyGuard } from '../../dist/esm/fastify.js';
import { checkRequirements, createGuard } from '../../dist/esm/index.js';

// What a door does once, where the route is mounted.
const requirements = checkRequirements({ scopes: ['orders:read'] });
const optionsOf = ({ issuer, audience }) => ({ issuer, audience });

export default {
  name: 'sallyport',
  packages: [],
  algorithms: ['RS256', 'ES256', 'EdDSA'],
  blocks: false,
  remembers: 'tokens, by SHA-256',
  remembersTokens: true,
  how: 'the whole guard(request, { scopes }), denial included',

  async verifier(issuer) {
    const guard = createGuard(optionsOf(issuer));
    await guard.ready();
    return (authorization) => decide(guard, 'authorization', authorization);
  },

  express(issuer) {
    const requireToken = expressGuard(optionsOf(issuer));
    return {
      guards: [requireToken({ scopes: ['orders:read'] })],
      subjectOf: (request) => request.principal.subject,
    };
  },

  async fastify(app, issuer) {
    await app.register(fastifyGuard, optionsOf(issuer));
    return {
      route: { onRequest: app.requireToken({ scopes: ['orders:read'] }) },
      subjectOf: (request) => request.principal.subject,
    };
  },
};

/** Tokens and API keys at one door, as while a team migrates. `lookup` finds keys in a Map. */
export const dual = {
  name: 'sallyport, dual mode',
  packages: [],

  /** Answers for API keys. */
  async verifier(issuer) {
    const guard = createGuard({ ...optionsOf(issuer), apiKeys });
    await guard.ready();
    return (key) => decide(guard, 'x-api-key', key);
  },

  express(issuer) {
    const requireToken = expressGuard({ ...optionsOf(issuer), apiKeys });
    return {
      guards: [requireToken({ scopes: ['orders:read'] })],
      subjectOf: (request) => request.principal.subject,
    };
  },

  async fastify(app, issuer) {
    await app.register(fastifyGuard, { ...optionsOf(issuer), apiKeys });
    return {
      route: { onRequest: app.requireToken({ scopes: ['orders:read'] }) },
      subjectOf: (request) => request.principal.subject,
    };
  },
};

/** Answers for API keys, with requests counted one way or another; and flushes what is counted. */
export async function keyedVerifier(issuer, usage) {
  const keys = { ...apiKeys, usage, onMigration() {} };
  const guard = createGuard({ ...optionsOf(issuer), apiKeys: keys });
  await guard.ready();
  return { verify: (key) => decide(guard, 'x-api-key', key), flush: () => guard.usage() };
}

/** A pool of API keys, as `mint` makes one of tokens. */
export function keyPool(count) {
  const subjects = Array.from({ length: count }, (_, i) => `service_${String(i).padStart(8, '0')}`);
  return {
    subjects,
    headers: subjects.map((subject) => Buffer.from(keyOf(subject), 'latin1')),
  };
}

const keyOf = (subject) => `sk_live_${subject}_4f2a9c81d07e63b5a1f8`;

const apiKeys = {
  from: [{ header: 'x-api-key' }],
  async lookup({ value }) {
    const subject = /^sk_live_(service_\d{8})_/.exec(value)?.[1];
    if (subject === undefined || value !== keyOf(subject)) return undefined;
    return { id: subject, subject, clientId: 'warehouse-sync', scopes: ['orders:read'] };
  },
};

async function decide(guard, name, value) {
  const request = {
    method: 'GET',
    url: '/orders',
    header: (asked) => (asked === name ? value : undefined),
  };
  const decision = await guard(request, requirements);
  return decision.allowed ? decision.principal.subject : decision.denial.status;
}
