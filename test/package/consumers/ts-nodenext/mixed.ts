import type { Request } from 'express';
import { type ApiKeyOptions, AuthError, type Decision, type Principal } from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { guard, lookup, nameOf } from './legacy.cjs';

// The types of both builds are the same types: a guard, a decision, an error, a principal.

expressGuard(guard)({ scopes: ['orders:read'] });
const decision: Decision = await guard({ method: 'GET', url: '/', header: () => undefined });
if (decision.allowed || !(decision.error instanceof AuthError)) throw new Error('open');
const apiKeys: ApiKeyOptions = { from: [{ scheme: 'ApiKey' }], lookup };
if (await apiKeys.lookup({ value: 'key', sha256: '' })) throw new Error('somebody');
const principal: Principal = { kind: 'token', subject: 'user_1', scopes: new Set() };
if (nameOf({ principal } as Request) !== 'user_1') throw new Error('nobody');
console.log('works');
