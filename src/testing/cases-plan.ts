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
const guideLink = { link: link('deprecation', 'sunset'), members: { guide } };
const key = keyed('k');

/** Cases about the migration plan: which keys are accepted, what is announced, and what a denial contains. */
export const planCases: readonly Case[] = [
  rule(
    'plan-announced',
    'RFC 9745 §2, RFC 8594 §3: requests with a key get the announcement',
    key,
    { ...passes(), notices: announced },
    under(ahead),
  ),
  rule('plan-token', 'Requests with a token get no announcement', token(), passes(), under(ahead)),
  rule(
    'plan-refused',
    'The denial of a key without the required scope contains the announcement',
    key,
    { ...insufficient('a'), ...announced },
    under(ahead, { scopes: ['a'] }),
  ),
  rule(
    'plan-dual',
    'Before deprecatedAt, mode dual only gets the link',
    key,
    { ...passes(), notices: { link: link('deprecation') } },
    under(quiet),
  ),
  rule(
    'plan-deprecated',
    'RFC 9745 §2.1: mode deprecated gets a Deprecation header with a future date',
    key,
    { ...passes(), notices: { ...announced, deprecation: '@1893456001' } },
    under({ ...quiet, ...client('deprecated') }),
  ),
  rule(
    'plan-key-only',
    'Mode key-only gets no announcement',
    key,
    passes(),
    under({ ...ahead, ...client('key-only') }),
  ),
  rule(
    'plan-migrated',
    'A key of a migrated client MUST be 401, with a link to the guide',
    key,
    { ...retired, ...guideLink },
    under({ ...ahead, ...client('token-only') }),
  ),
  rule(
    'plan-sunset',
    'RFC 8594 §3: a key after its sunset MUST be 401, with a link to the guide',
    key,
    { ...retired, ...guideLink },
    under(ended),
  ),
  rule(
    'plan-sunset-key-only',
    'The sunset applies to every mode',
    key,
    { ...retired, ...guideLink },
    under({ ...ended, ...client('key-only') }),
  ),
  rule(
    'plan-sunset-gone',
    'RFC 9110 §15.5.11: a key after its sunset is 410 if the plan sets refusedStatus',
    key,
    { ...retired, ...guideLink, status: 410, challenge: undefined },
    under({ ...ended, refusedStatus: 410 }),
  ),
  rule(
    'plan-sunset-no-guide',
    'Without a guide there is no link',
    key,
    retired,
    under({ sunsetAt: '2030-01-01T00:00:00Z' }),
  ),
  rule(
    'plan-sunset-token',
    'A token is accepted after the sunset',
    token(),
    passes(),
    under(ended),
  ),
  rule(
    'plan-extension',
    'A key of a client with an extension is accepted until its own date',
    key,
    { ...passes(), notices: { ...announced, sunset: 'Fri, 01 Feb 2030 00:00:00 GMT' } },
    under({ ...ended, ...client({ mode: 'extension', until: '2030-02-01T00:00:00Z' }) }),
  ),
  rule(
    'plan-extension-over',
    'An extension ends on its date',
    key,
    { ...retired, ...guideLink },
    under({
      ...ended,
      sunsetAt: '2029-12-01T00:00:00Z',
      ...client({ mode: 'extension', until: '2030-01-01T00:00:00Z' }),
    }),
  ),
  rule(
    'plan-cohort',
    'A cohort can have its own mode',
    key,
    { ...retired, ...guideLink },
    under({
      ...ahead,
      cohorts: { first: { mode: 'token-only' } },
      ...client({ cohort: 'first' }),
    }),
  ),
  rule(
    'plan-brownout',
    'A brownout is like the sunset, with Retry-After and a member that marks it as temporary',
    key,
    { ...retired, link: guideLink.link, retryAfter: '900', members: { guide, brownout: true } },
    under({
      ...ahead,
      brownouts: [{ start: '2029-12-31T23:45:00Z', end: '2030-01-01T00:15:00Z' }],
    }),
  ),
  rule(
    'plan-brownout-exempt',
    'A brownout does not affect exempt clients',
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
    { ...retired, ...guideLink },
    under(ahead, { mode: 'token-only' }),
  ),
  rule(
    'plan-report-audience',
    'A report-only audience check does not reject a token',
    token({ audience: 'https://other.test' }),
    passes(),
    under({ tokenChecks: { audience: 'report' } }),
  ),
  rule(
    'plan-report-client',
    'A check that is report-only for one client is enforced for others',
    token({ audience: 'https://other.test', clientId: 'client_2' }),
    wrongAudience,
    under(client({ mode: 'dual', tokenChecks: { audience: 'report' } })),
  ),
  rule(
    'plan-report-scopes',
    'A report-only scope check does not reject a key',
    key,
    passes(),
    under({ checks: { scopes: 'report' } }, { scopes: ['a'] }),
  ),
  rule(
    'plan-report-expired',
    'Expiry is always enforced',
    token({ expiresIn: -3600 }),
    expired,
    under({ tokenChecks: { audience: 'report', lifetime: 'report', type: 'report' } }),
  ),
  rule(
    'plan-unloaded',
    'A key MUST be 503 until a plan is loaded',
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
