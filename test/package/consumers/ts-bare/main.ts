import { AuthError, createGuard, type Decision } from 'sallyport';
import { type FetchCheck, fetchGuard } from 'sallyport/fetch';
import { createTestIssuer } from 'sallyport/testing';

// Neither the types of Express nor those of Fastify are installed here.

const issuer = await createTestIssuer();
const guard = createGuard(issuer.options);
const decision: Decision = await guard({ method: 'GET', url: '/', header: () => undefined });
if (decision.allowed || !(decision.error instanceof AuthError)) throw new Error('open');

const check: FetchCheck = fetchGuard(guard);
const pass = await check(new Request('https://api.test/'), { scopes: ['orders:read'] });
if (!(pass instanceof Response)) throw new Error(`open to ${pass.principal.subject}`);
console.log('works');
