import type { MigrationPlan, Requirements } from '../index.js';
import { keyed } from './cases-keys.js';
import {
  type Case,
  expired,
  insufficient,
  passes,
  retired,
  rule,
  token,
  unavailable,
  wrongAudience,
} from './expected.js';

const guide = 'https://docs.test/migrate?from=keys';
const deprecatedAt = '2029-10-01T00:00:00Z';
const ended: MigrationPlan = { deprecatedAt, sunsetAt: '2030-01-01T00:00:00Z', guide };
const ahead: MigrationPlan = { ...ended, sunsetAt: '2030-04-01T00:00:00+02:00' };
const quiet: MigrationPlan = { ...ahead, deprecatedAt: '2030-01-01T00:00:01Z' };
const client = (one: NonNullable<MigrationPlan['clients']>[string]) => ({
  clients: { client_1: one },
});

const under = (plan: MigrationPlan, requirements?: Requirements): Partial<Case> => ({
  options: {
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async () => ({ id: 'key_1', subject: 'user_1', clientId: 'client_1' }),
      plan,
      onMigration: () => {},
    },
  },
  ...(requirements && { requirements }),
});

const link = (...relations: string[]) =>
  relations.map((relation) => `<${guide}>; rel="${relation}"`).join(', ');
const announced = {
  deprecation: '@1885507200',
  sunset: 'Sun, 31 Mar 2030 22:00:00 GMT',
  link: link('deprecation', 'sunset'),
};
const wayOut = { link: link('deprecation', 'sunset'), members: { guide } };
const key = keyed('k');

/** Who may still use an API key, what is announced to it, and what it is told at the end. */
export const planCases: readonly Case[] = [
  rule(
    'plan-announced',
    'RFC 9745 §2, RFC 8594 §3: the end is announced to a key',
    key,
    { ...passes(), notices: announced },
    under(ahead),
  ),
  rule('plan-token', 'Nothing is announced to a token', token(), passes(), under(ahead)),
  rule(
    'plan-refused',
    'The end is announced to a key that lacks a scope',
    key,
    { ...insufficient('a'), ...announced },
    under(ahead, { scopes: ['a'] }),
  ),
  rule(
    'plan-dual',
    'Before deprecatedAt, dual has just the link',
    key,
    { ...passes(), notices: { link: link('deprecation') } },
    under(quiet),
  ),
  rule(
    'plan-deprecated',
    'RFC 9745 §2.1: a deprecation to come is announced to a client in that mode',
    key,
    { ...passes(), notices: { ...announced, deprecation: '@1893456001' } },
    under({ ...quiet, ...client('deprecated') }),
  ),
  rule(
    'plan-key-only',
    'Nothing is announced to a client that is not on its way yet',
    key,
    passes(),
    under({ ...ahead, ...client('key-only') }),
  ),
  rule(
    'plan-migrated',
    'A key of a client that has moved MUST be 401, with the way out',
    key,
    { ...retired, ...wayOut },
    under({ ...ahead, ...client('token-only') }),
  ),
  rule(
    'plan-sunset',
    'RFC 8594 §3: a key after its sunset MUST be 401, with the way out',
    key,
    { ...retired, ...wayOut },
    under(ended),
  ),
  rule(
    'plan-sunset-key-only',
    'The sunset is for every mode',
    key,
    { ...retired, ...wayOut },
    under({ ...ended, ...client('key-only') }),
  ),
  rule(
    'plan-sunset-gone',
    'RFC 9110 §15.5.11: a key after its sunset is 410 where that was asked for',
    key,
    { ...retired, ...wayOut, status: 410, challenge: undefined },
    under({ ...ended, refusedStatus: 410 }),
  ),
  rule(
    'plan-sunset-no-guide',
    'Without a guide there is no link',
    key,
    retired,
    under({ sunsetAt: '2030-01-01T00:00:00Z' }),
  ),
  rule('plan-sunset-token', 'A token passes after the sunset', token(), passes(), under(ended)),
  rule(
    'plan-extension',
    'A key of a client with an extension passes until its own date',
    key,
    { ...passes(), notices: { ...announced, sunset: 'Fri, 01 Feb 2030 00:00:00 GMT' } },
    under({ ...ended, ...client({ mode: 'extension', until: '2030-02-01T00:00:00Z' }) }),
  ),
  rule(
    'plan-extension-over',
    'An extension ends on its date',
    key,
    { ...retired, ...wayOut },
    under({
      ...ended,
      sunsetAt: '2029-12-01T00:00:00Z',
      ...client({ mode: 'extension', until: '2030-01-01T00:00:00Z' }),
    }),
  ),
  rule(
    'plan-cohort',
    'A cohort has a mode of its own',
    key,
    { ...retired, ...wayOut },
    under({
      ...ahead,
      cohorts: { first: { mode: 'token-only' } },
      ...client({ cohort: 'first' }),
    }),
  ),
  rule(
    'plan-brownout',
    'A brownout is as the sunset, and says when it ends and that it is a rehearsal',
    key,
    { ...retired, link: wayOut.link, retryAfter: '900', members: { guide, rehearsal: true } },
    under({
      ...ahead,
      brownouts: [{ start: '2029-12-31T23:45:00Z', end: '2030-01-01T00:15:00Z' }],
    }),
  ),
  rule(
    'plan-brownout-exempt',
    'A brownout leaves alone who is exempt',
    key,
    { ...passes(), notices: announced },
    under({
      ...ahead,
      brownouts: [
        { start: '2029-12-31T23:45:00Z', end: '2030-01-01T00:15:00Z', exempt: ['client_1'] },
      ],
    }),
  ),
  rule(
    'plan-route',
    'A route may accept tokens only',
    key,
    { ...retired, ...wayOut },
    under(ahead, { mode: 'token-only' }),
  ),
  rule(
    'plan-report-audience',
    'An audience that is only reported passes',
    token({ audience: 'https://other.test' }),
    passes(),
    under({ tokenChecks: { audience: 'report' } }),
  ),
  rule(
    'plan-report-client',
    'What is reported for one client is enforced for another',
    token({ audience: 'https://other.test', clientId: 'client_2' }),
    wrongAudience,
    under(client({ mode: 'dual', tokenChecks: { audience: 'report' } })),
  ),
  rule(
    'plan-report-scopes',
    'Scopes that are only reported pass, for keys too',
    key,
    passes(),
    under({ checks: { scopes: 'report' } }, { scopes: ['a'] }),
  ),
  rule(
    'plan-report-expired',
    'Expiry is never only reported',
    token({ expiresIn: -3600 }),
    expired,
    under({ tokenChecks: { audience: 'report', lifetime: 'report', type: 'report' } }),
  ),
  rule(
    'plan-unloaded',
    'While no plan was ever loaded, a key MUST be 503',
    key,
    { ...unavailable, retryAfter: '1' },
    {
      options: {
        apiKeys: {
          from: [{ header: 'x-api-key' }],
          lookup: async () => ({ id: 'key_1' }),
          plan: { load: () => new Promise(() => {}) },
        },
      },
    },
  ),
];
