import type { MigrationPlan } from '../../src/core/plan/plan.js';

/** Plans that real migrations could have had. */
export const examples: readonly (readonly [what: string, plan: MigrationPlan])[] = [
  ['an empty plan', {}],
  ['a mode alone', { mode: 'key-only' }],
  [
    'a plan with everything in it',
    {
      $schema: './node_modules/sallyport/plan.schema.json',
      mode: 'deprecated',
      deprecatedAt: '2027-01-01T00:00:00Z',
      sunsetAt: '2027-07-01T00:00:00+02:00',
      guide: 'https://docs.example.com/@api/from-keys-to-tokens?lang=en#keys',
      refusedStatus: 410,
      cohort: 'small',
      clients: {
        acme: 'token-only',
        'bank "of" the \\ north': {
          mode: 'extension',
          until: '2027-12-31T23:59:59.999-05:00',
          cohort: 'large',
          tokenChecks: { audience: 'report' },
        },
        robot: { tokenChecks: { type: 'report', lifetime: 'enforce' } },
        empty: {},
      },
      cohorts: {
        small: { mode: 'token-only', percent: 12.5, salt: 'second try' },
        large: { sunsetAt: '2027-10-01T00:00:00Z' },
        internal: {},
      },
      brownouts: [
        { start: '2027-06-01T07:00:00Z', end: '2027-06-01T10:00:00Z' },
        {
          start: '2027-06-07T00:00:00Z',
          end: '2027-07-01T00:00:00Z',
          daily: {
            at: ['00:00', '06:00', '12:00', '18:00'],
            minutes: [15, 30, 60],
            days: ['mon', 'tue', 'wed', 'thu', 'fri'],
          },
          cohorts: ['small', 'large'],
          exempt: ['bank "of" the \\ north'],
          paused: false,
          dryRun: true,
        },
      ],
      pauseBrownouts: true,
      checks: { scopes: 'report', organization: 'enforce' },
      tokenChecks: {
        audience: 'report',
        type: 'enforce',
        scopes: 'report',
        organization: 'enforce',
        lifetime: 'report',
      },
    },
  ],
  [
    'dates at their limits',
    {
      deprecatedAt: '2000-01-01T00:00Z',
      sunsetAt: '2999-12-31T23:59:59.999999999+23:59',
      clients: { leap: { mode: 'extension', until: '2999-12-31T23:59:59.999999999-23:59' } },
    },
  ],
  ['a leap day', { deprecatedAt: '2028-02-29T00:00:00Z', sunsetAt: '2028-02-29T00:00:00Z' }],
  ['a sunset without a deprecation', { sunsetAt: '2027-06-30T00:00:00Z' }],
  [
    'an extension of no sunset',
    { clients: { a: { mode: 'extension', until: '2027-01-01T00:00Z' } } },
  ],
  ['a guide on the loopback', { guide: 'http://127.0.0.1:8080/guide' }],
  [
    'nobody, and everybody',
    { cohorts: { a: { mode: 'dual', percent: 0 }, b: { mode: 'dual', percent: 100 } } },
  ],
  [
    'empty maps and lists',
    { clients: {}, cohorts: {}, brownouts: [], checks: {}, tokenChecks: {} },
  ],
  [
    'names of the language',
    JSON.parse('{"clients": {"constructor": "dual", "toString": "token-only"}}'),
  ],
  [
    'the shortest and the longest window',
    {
      brownouts: [
        {
          start: '2027-06-01T00:00:00Z',
          end: '2027-06-01T00:01:00Z',
          daily: { at: ['00:00'], minutes: 1 },
        },
        {
          start: '2027-06-01T00:00:00Z',
          end: '2027-06-30T00:00:00Z',
          daily: { at: ['23:59'], minutes: [1439] },
        },
      ],
    },
  ],
];
