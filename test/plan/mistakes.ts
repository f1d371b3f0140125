import { weekdays } from '../../src/core/base/dates.js';
import {
  flag,
  integer,
  invalid,
  oneOf,
  secureUrl,
  settingsOf,
} from '../../src/core/base/validate.js';
import { planNames } from '../../src/core/plan/parse.js';
import { checks, modes } from '../../src/core/plan/plan.js';

/**
 * What is invalid, the plan with a ◀ before it, and the message without line and page: a string, or
 * the check shared by all options that throws it.
 */
type Mistake = readonly [what: string, plan: string, says: string | (() => unknown)];

const window = '"start": "2027-05-01T00:00:00Z", "end": "2027-05-08T00:00:00Z"';
const brownout = (more: string) => `{"mode": "dual", "brownouts": [{${window}, ${more}}]}`;
const daily = (more: string) => brownout(`"daily": {${more}}`);
const cohort = (more: string) => `{"mode": "dual", "cohorts": {"beta": {${more}}}}`;
const client = (more: string) => `{"mode": "dual", "clients": {"other": "dual", "acme": ${more}}}`;
const date = 'be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"';
const noExtension = 'be one of "key-only", "dual", "deprecated", "token-only"';
const extension =
  'An extension needs its own end date: write { "mode": "extension", "until": "2027-12-31T00:00:00Z" } under clients';

/** What an error message prints for a value: that is up to the code that all options share. */
export const shown = (value: unknown): string =>
  invalid('plan', value, { must: '' }).message.replace(/^.*got (.*?)\. See .*$/, '$1');
const clientNames = ['mode', 'until', 'cohort', 'issuer', 'checks', 'tokenChecks'];
const cohortNames = ['mode', 'percent', 'salt', 'sunsetAt'];
const brownoutNames = ['start', 'end', 'daily', 'cohorts', 'exempt', 'paused', 'dryRun'];
const anArray = shown(['x']);
const anEmptyArray = shown([]);
const anObject = shown({});

/** Errors that a JSON Schema detects too. */
export const structural: readonly Mistake[] = [
  ['a list', '◀[]', () => settingsOf('plan', [], [])],
  ['a number', '◀5', () => settingsOf('plan', 5, [])],
  ['null', '◀null', () => settingsOf('plan', null, [])],
  ['a text', '◀"dual"', () => settingsOf('plan', 'dual', [])],
  [
    'a misspelled member',
    '{"mode": "dual", ◀"sunsetat": "2027-06-30T00:00:00Z"}',
    () => settingsOf('plan', { sunsetat: 1 }, planNames),
  ],
  [
    'an unknown member',
    '{"mode": "dual", ◀"owner": "me"}',
    () => settingsOf('plan', { owner: 1 }, planNames),
  ],
  [
    'a $schema that is no text',
    '{"mode": "dual", ◀"$schema": 5}',
    'plan.$schema must be a non-empty string; got 5.',
  ],
  ['an empty $schema', '{◀"$schema": ""}', 'plan.$schema must be a non-empty string; got "".'],

  ['a misspelled mode', '{◀"mode": "duel"}', () => oneOf('plan.mode', 'duel', modes)],
  ['another mode', '{◀"mode": "off"}', () => oneOf('plan.mode', 'off', modes)],
  ['a mode that is null', '{◀"mode": null}', () => oneOf('plan.mode', null, modes)],
  ['a mode that is a list', '{◀"mode": ["dual"]}', () => oneOf('plan.mode', ['dual'], modes)],
  [
    "everyone's extension",
    '{◀"mode": "extension"}',
    `plan.mode must ${noExtension}; got "extension". ${extension}.`,
  ],

  [
    'a deprecatedAt that is no text',
    '{◀"deprecatedAt": 1798761600}',
    `plan.deprecatedAt must ${date}; got 1798761600.`,
  ],
  [
    'a date in words',
    '{◀"deprecatedAt": "30 June 2027"}',
    `plan.deprecatedAt must ${date}; got "30 June 2027".`,
  ],
  ['a date that is null', '{◀"sunsetAt": null}', `plan.sunsetAt must ${date}; got null.`],
  ['an empty date', '{◀"sunsetAt": ""}', `plan.sunsetAt must ${date}; got "".`],
  [
    'a year with a slip',
    '{◀"sunsetAt": "0227-06-30T00:00:00Z"}',
    `plan.sunsetAt must ${date}; got "0227-06-30T00:00:00Z". The year must be from 2000 to 2999.`,
  ],
  [
    'a day alone',
    '{◀"sunsetAt": "2027-06-30"}',
    'plan.sunsetAt must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got "2027-06-30". Add a time and an offset: "2027-06-30T00:00:00Z".',
  ],
  [
    'a date without an offset',
    '{◀"sunsetAt": "2027-06-30T00:00:00"}',
    'plan.sunsetAt must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got "2027-06-30T00:00:00". Add an offset: "2027-06-30T00:00:00Z" for UTC, or another one such as +02:00.',
  ],
  ...[
    '2026-02-30T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+01:60',
    '2027-06-31',
    '2027-06-31T00:00:00',
  ].map(
    (date): Mistake => [
      `the date ${date}`,
      `{◀"sunsetAt": "${date}"}`,
      `plan.sunsetAt must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got "${date}". This date does not exist: check the day, the time and the offset.`,
    ],
  ),

  ['a guide that is a path', '{◀"guide": "/docs"}', () => secureUrl('plan.guide', '/docs')],
  [
    'an http guide',
    '{◀"guide": "http://example.com/docs"}',
    () => secureUrl('plan.guide', 'http://example.com/docs'),
  ],
  [
    'a guide with a password',
    '{◀"guide": "https://me:secret@example.com/docs"}',
    () => secureUrl('plan.guide', 'https://me:secret@example.com/docs'),
  ],
  ['a guide that is no text', '{◀"guide": true}', () => secureUrl('plan.guide', true)],
  ['another status', '{◀"refusedStatus": 403}', 'plan.refusedStatus must be 401 or 410; got 403.'],
  [
    'a status as a text',
    '{◀"refusedStatus": "410"}',
    'plan.refusedStatus must be 401 or 410; got "410". Write 410 without quotes.',
  ],
  ['a cohort that is no text', '{◀"cohort": 1}', 'plan.cohort must be a non-empty string; got 1.'],
  ['an empty cohort', '{◀"cohort": ""}', 'plan.cohort must be a non-empty string; got "".'],
  [
    'a pause that is no flag',
    '{◀"pauseBrownouts": "yes"}',
    () => flag('plan.pauseBrownouts', 'yes'),
  ],

  [
    'a misspelled check',
    '{"checks": {◀"scope": "report"}}',
    () => settingsOf('plan.checks', { scope: 1 }, ['scopes', 'organization']),
  ],
  [
    'an unknown check',
    '{"tokenChecks": {"type": "report", ◀"nonce": "report"}}',
    () => settingsOf('plan.tokenChecks', { nonce: 1 }, checks),
  ],
  ...['signature', 'algorithm', 'issuer', 'expiry', 'alg', 'iss', 'exp'].map(
    (check): Mistake => [
      `a report of ${check}`,
      `{"tokenChecks": {"type": "report", ◀"${check}": "report"}}`,
      `plan.tokenChecks.${check} must not be set, because this check is always enforced; got "report". Remove it: signature, algorithm, issuer and expiry can never be report-only.`,
    ],
  ),
  [
    'a misspelled rule',
    '{"tokenChecks": {◀"type": "reports"}}',
    () => oneOf('plan.tokenChecks.type', 'reports', ['enforce', 'report']),
  ],
  [
    'another rule',
    '{"tokenChecks": {◀"type": false}}',
    () => oneOf('plan.tokenChecks.type', false, ['enforce', 'report']),
  ],
  [
    'checks that are a list',
    '{◀"checks": ["type"]}',
    () => settingsOf('plan.checks', ['type'], []),
  ],

  [
    'clients that are a list',
    '{◀"clients": ["acme"]}',
    `plan.clients must be a plain object with a member for each client; got ${anArray}. For example { "acme": "dual" }.`,
  ],
  [
    'clients that are null',
    '{◀"clients": null}',
    'plan.clients must be a plain object with a member for each client; got null. For example { "acme": "dual" }.',
  ],
  [
    'a client without a name',
    '{"clients": {"acme": "dual", ◀"": "dual"}}',
    'plan.clients[""] must have a name other than "" and "__proto__"; got "".',
  ],
  [
    "a client's misspelled mode",
    '{"clients": {"other": "dual", ◀"acme": "token_only"}}',
    () => oneOf('plan.clients["acme"]', 'token_only', modes),
  ],
  [
    "a client's misspelled mode in an object",
    client('{◀"mode": "duel"}'),
    () => oneOf('plan.clients["acme"].mode', 'duel', modes),
  ],
  [
    'a client that is a number',
    '{"clients": {"other": "dual", ◀"acme": 1}}',
    'plan.clients["acme"] must be a mode or an object; got 1. For example "dual" or { "mode": "dual" }.',
  ],
  [
    'a client that is null',
    '{"clients": {"other": "dual", ◀"acme": null}}',
    'plan.clients["acme"] must be a mode or an object; got null. For example "dual" or { "mode": "dual" }.',
  ],
  [
    'a client that is a list',
    '{"clients": {"other": "dual", ◀"acme": ["dual"]}}',
    `plan.clients["acme"] must be a mode or an object; got ${anArray}. For example "dual" or { "mode": "dual" }.`,
  ],
  [
    'an unknown member of a client',
    client('{"mode": "dual", ◀"untl": "2027-06-30T00:00:00Z"}'),
    () => settingsOf('plan.clients["acme"]', { untl: 1 }, clientNames),
  ],
  [
    'an extension in short',
    '{"clients": {"other": "dual", ◀"acme": "extension"}}',
    `plan.clients["acme"] must ${noExtension}; got "extension". ${extension}.`,
  ],
  [
    'an extension without an end',
    client('{"cohort": "beta", ◀"mode": "extension"}').replace(
      '{"mode"',
      '{"cohorts": {"beta": {}}, "mode"',
    ),
    'plan.clients["acme"].mode must be used with "until", the end of the extension; got "extension". Add "until", for example "2027-12-31T00:00:00Z".',
  ],
  [
    'an end without an extension',
    client('{"mode": "dual", ◀"until": "2027-06-30T00:00:00Z"}'),
    'plan.clients["acme"].until must be used only with "mode": "extension"; got "2027-06-30T00:00:00Z". Add that mode, or remove "until".',
  ],
  [
    'an end without a mode',
    client('{◀"until": "2027-06-30T00:00:00Z"}'),
    'plan.clients["acme"].until must be used only with "mode": "extension"; got "2027-06-30T00:00:00Z". Add that mode, or remove "until".',
  ],
  [
    'an end that is no date',
    client('{"mode": "extension", ◀"until": "soon"}'),
    `plan.clients["acme"].until must ${date}; got "soon".`,
  ],
  [
    "a client's cohort that is no text",
    client('{"mode": "dual", ◀"cohort": {}}'),
    `plan.clients["acme"].cohort must be a non-empty string; got ${anObject}.`,
  ],
  [
    "a client's unreportable check",
    client('{"checks": {"scopes": "report", ◀"issuer": "report"}}'),
    'plan.clients["acme"].checks.issuer must not be set, because this check is always enforced; got "report". Remove it: signature, algorithm, issuer and expiry can never be report-only.',
  ],
  [
    "a client's other rule",
    client('{"checks": {◀"scopes": "off"}}'),
    () => oneOf('plan.clients["acme"].checks.scopes', 'off', ['enforce', 'report']),
  ],

  [
    'cohorts that are a list',
    '{◀"cohorts": ["beta"]}',
    `plan.cohorts must be a plain object with a member for each cohort; got ${anArray}. For example { "beta": { "mode": "dual" } }.`,
  ],
  [
    'a cohort without a name',
    '{"cohorts": {"beta": {}, ◀"": {}}}',
    'plan.cohorts[""] must have a name other than "" and "__proto__"; got "".',
  ],
  [
    'a cohort that is a mode',
    '{"cohorts": {◀"beta": "dual"}}',
    () => settingsOf('plan.cohorts["beta"]', 'dual', []),
  ],
  [
    'an unknown member of a cohort',
    cohort('"mode": "dual", ◀"percentage": 5'),
    () => settingsOf('plan.cohorts["beta"]', { percentage: 1 }, cohortNames),
  ],
  [
    "a cohort's misspelled mode",
    cohort('◀"mode": "tokenonly"'),
    () => oneOf('plan.cohorts["beta"].mode', 'tokenonly', modes),
  ],
  [
    "a cohort's extension",
    cohort('◀"mode": "extension"'),
    `plan.cohorts["beta"].mode must ${noExtension}; got "extension". ${extension}.`,
  ],
  [
    'a percentage of no mode',
    cohort('◀"percent": 10'),
    'plan.cohorts["beta"].percent must be used with "mode"; got 10. Add the mode that these clients get.',
  ],
  [
    'a salt of no percentage',
    cohort('"mode": "dual", ◀"salt": "2"'),
    'plan.cohorts["beta"].salt must be used with "percent"; got "2". Add "percent", or remove "salt".',
  ],
  ...['-1', '100.5', '"10"', 'null', 'true'].map(
    (percent): Mistake => [
      `the percentage ${percent}`,
      cohort(`"mode": "dual", ◀"percent": ${percent}`),
      `plan.cohorts["beta"].percent must be a number from 0 to 100; got ${percent}.`,
    ],
  ),
  ...['""', '1'].map(
    (salt): Mistake => [
      `the salt ${salt}`,
      cohort(`"mode": "dual", "percent": 5, ◀"salt": ${salt}`),
      `plan.cohorts["beta"].salt must be a non-empty string; got ${salt}.`,
    ],
  ),
  [
    "a cohort's sunset that is no date",
    cohort('"mode": "dual", ◀"sunsetAt": "2027-06-30"'),
    'plan.cohorts["beta"].sunsetAt must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got "2027-06-30". Add a time and an offset: "2027-06-30T00:00:00Z".',
  ],

  [
    'brownouts that are no list',
    `{◀"brownouts": {${window}}}`,
    `plan.brownouts must be an array of brownouts; got ${anObject}.`,
  ],
  [
    'a brownout that is a text',
    `{"brownouts": [{${window}}, ◀"2027-05-01"]}`,
    () => settingsOf('plan.brownouts[1]', '2027-05-01', []),
  ],
  [
    'a brownout without a start',
    `{"brownouts": [{${window}}, ◀{"end": "2027-05-08T00:00:00Z"}]}`,
    `plan.brownouts[1].start must ${date}; got undefined.`,
  ],
  [
    'a brownout without an end',
    '{"brownouts": [◀{"start": "2027-05-08T00:00:00Z"}]}',
    `plan.brownouts[0].end must ${date}; got undefined.`,
  ],
  [
    'a start that is no date',
    '{"brownouts": [{◀"start": "2027-05-08", "end": "2027-05-09T00:00:00Z"}]}',
    'plan.brownouts[0].start must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got "2027-05-08". Add a time and an offset: "2027-05-08T00:00:00Z".',
  ],
  [
    'an unknown member of a brownout',
    brownout('◀"dryrun": true'),
    () => settingsOf('plan.brownouts[0]', { dryrun: 1 }, brownoutNames),
  ],
  [
    'a dry run that is no flag',
    brownout('◀"dryRun": 1'),
    () => flag('plan.brownouts[0].dryRun', 1),
  ],
  [
    'a paused that is no flag',
    brownout('◀"paused": null'),
    () => flag('plan.brownouts[0].paused', null),
  ],
  ...['cohorts', 'exempt'].flatMap((name): Mistake[] => [
    [
      `${name} of a brownout that are a text`,
      brownout(`◀"${name}": "beta"`),
      `plan.brownouts[0].${name} must be an array with at least one item; got "beta".`,
    ],
    [
      `${name} of a brownout that are empty`,
      brownout(`◀"${name}": []`),
      `plan.brownouts[0].${name} must be an array with at least one item; got ${anEmptyArray}.`,
    ],
  ]),
  [
    'a cohort of a brownout that is no text',
    brownout('"cohorts": [◀5]'),
    'plan.brownouts[0].cohorts[0] must be a non-empty string; got 5.',
  ],
  [
    'a cohort of a brownout twice',
    brownout('"cohorts": ["beta", ◀"beta"]').replace('{', '{"cohorts": {"beta": {}}, '),
    'plan.brownouts[0].cohorts[1] must not repeat an earlier item; got "beta". Remove one of the two.',
  ],
  [
    'an exemption that is no text',
    brownout('"exempt": ["acme", ◀""]'),
    'plan.brownouts[0].exempt[1] must be a client id, or an object with one; got "". For example "acme" or { "client": "acme" }.',
  ],
  [
    'an exemption twice',
    brownout('"exempt": ["acme", "other", ◀"acme"]'),
    'plan.brownouts[0].exempt[2] must not repeat an earlier item; got "acme". Remove one of the two.',
  ],
  [
    'a daily that is a text',
    brownout('◀"daily": "09:00"'),
    () => settingsOf('plan.brownouts[0].daily', '09:00', []),
  ],
  [
    'an unknown member of a daily',
    daily('"at": ["09:00"], ◀"minute": 5'),
    () => settingsOf('plan.brownouts[0].daily', { minute: 1 }, ['at', 'minutes', 'days']),
  ],
  [
    'a daily without times',
    brownout('◀"daily": {"minutes": 5}'),
    'plan.brownouts[0].daily.at must be an array with at least one item; got undefined.',
  ],
  [
    'a daily without minutes',
    brownout('◀"daily": {"at": ["09:00"]}'),
    () => integer('plan.brownouts[0].daily.minutes', undefined, { min: 1, max: 1439 }),
  ],
  [
    'a time that is no list',
    daily('◀"at": "09:00", "minutes": 5'),
    'plan.brownouts[0].daily.at must be an array with at least one item; got "09:00".',
  ],
  [
    'no times',
    daily('◀"at": [], "minutes": 5'),
    `plan.brownouts[0].daily.at must be an array with at least one item; got ${anEmptyArray}.`,
  ],
  ...['"9:00"', '"24:00"', '"09:60"', '"09:00:00"', '"09:00Z"', '""', '9'].map(
    (time): Mistake => [
      `the time ${time}`,
      daily(`"at": ["08:00", ◀${time}], "minutes": 5`),
      `plan.brownouts[0].daily.at[1] must be a time of day between "00:00" and "23:59", in UTC; got ${time}. Write hours and minutes with two digits each, and no offset.`,
    ],
  ),
  [
    'a time twice',
    daily('"at": ["08:00", ◀"08:00"], "minutes": 5'),
    'plan.brownouts[0].daily.at[1] must not repeat an earlier item; got "08:00". Remove one of the two.',
  ],
  ...['0', '-5', '1440', '1.5', '"15"', 'null'].map(
    (minutes): Mistake => [
      `${minutes} minutes`,
      daily(`"at": ["08:00"], ◀"minutes": ${minutes}`),
      () => integer('plan.brownouts[0].daily.minutes', JSON.parse(minutes), { min: 1, max: 1439 }),
    ],
  ),
  [
    'no minutes',
    daily('"at": ["08:00"], ◀"minutes": []'),
    `plan.brownouts[0].daily.minutes must be an array with at least one item; got ${anEmptyArray}.`,
  ],
  [
    'minutes that escalate beyond a day',
    daily('"at": ["08:00"], "minutes": [15, 15, ◀1440]'),
    () => integer('plan.brownouts[0].daily.minutes[2]', 1440, { min: 1, max: 1439 }),
  ],
  [
    'a day in another case',
    daily('"at": ["08:00"], "minutes": 5, "days": ["mon", ◀"Tue"]'),
    () => oneOf('plan.brownouts[0].daily.days[1]', 'Tue', weekdays),
  ],
  [
    'a day by number',
    daily('"at": ["08:00"], "minutes": 5, "days": [◀1]'),
    () => oneOf('plan.brownouts[0].daily.days[0]', 1, weekdays),
  ],
  [
    'no days',
    daily('"at": ["08:00"], "minutes": 5, ◀"days": []'),
    `plan.brownouts[0].daily.days must be an array with at least one item; got ${anEmptyArray}.`,
  ],
  [
    'a day twice',
    daily('"at": ["08:00"], "minutes": 5, "days": ["mon", ◀"mon"]'),
    'plan.brownouts[0].daily.days[1] must not repeat an earlier item; got "mon". Remove one of the two.',
  ],
];

const notEarly = 'not be earlier than deprecatedAt (RFC 9745)';
const later = 'Choose a later date, or an earlier deprecatedAt';
const deprecated = '"deprecatedAt": "2027-01-01T00:00:00Z"';
const aWindow = 'have a window that begins between start and end';
const check = 'Check "at", "days" and the times of start and end';

/** Errors that depend on several values, or on the calendar: a schema cannot detect them. */
export const beyondSchema: readonly Mistake[] = [
  [
    'a leap day of no leap year',
    '{◀"sunsetAt": "2027-02-29T00:00:00Z"}',
    'plan.sunsetAt must be an ISO 8601 date-time with an offset, such as "2027-06-30T00:00:00Z"; got "2027-02-29T00:00:00Z". This date does not exist: check the day, the time and the offset.',
  ],
  [
    'a sunset before the deprecation',
    `{◀"sunsetAt": "2027-01-01T00:59:59+01:00", ${deprecated}}`,
    `plan.sunsetAt must ${notEarly}; got "2027-01-01T00:59:59+01:00". ${later}.`,
  ],
  [
    "a cohort's sunset before the deprecation",
    `{${deprecated}, "cohorts": {"beta": {◀"sunsetAt": "2026-12-31T23:59:59.999Z"}}}`,
    `plan.cohorts["beta"].sunsetAt must ${notEarly}; got "2026-12-31T23:59:59.999Z". ${later}.`,
  ],
  [
    'the end of an extension before the deprecation',
    `{"clients": {"acme": {"mode": "extension", ◀"until": "2026-06-30T00:00:00Z"}}, ${deprecated}}`,
    `plan.clients["acme"].until must ${notEarly}; got "2026-06-30T00:00:00Z". ${later}.`,
  ],
  [
    'an extension that ends with the sunset',
    '{"sunsetAt": "2027-06-30T00:00:00Z", "clients": {"acme": {"mode": "extension", ◀"until": "2027-06-30T02:00:00+02:00"}}}',
    'plan.clients["acme"].until must be later than the sunset that it extends, 2027-06-30T00:00:00.000Z; got "2027-06-30T02:00:00+02:00". Choose a later date, or remove the extension.',
  ],
  [
    "an extension that ends before its cohort's sunset",
    '{"sunsetAt": "2027-06-30T00:00:00Z", "cohorts": {"beta": {"sunsetAt": "2027-08-31T00:00:00Z"}}, "clients": {"acme": {"mode": "extension", "cohort": "beta", ◀"until": "2027-07-31T00:00:00Z"}}}',
    'plan.clients["acme"].until must be later than the sunset that it extends, 2027-08-31T00:00:00.000Z; got "2027-07-31T00:00:00Z". Choose a later date, or remove the extension.',
  ],
  [
    "an extension that ends before everyone's cohort's sunset",
    '{"cohort": "beta", "cohorts": {"beta": {"sunsetAt": "2027-08-31T00:00:00Z"}}, "clients": {"acme": {"mode": "extension", ◀"until": "2027-07-31T00:00:00Z"}}}',
    'plan.clients["acme"].until must be later than the sunset that it extends, 2027-08-31T00:00:00.000Z; got "2027-07-31T00:00:00Z". Choose a later date, or remove the extension.',
  ],
  [
    'a misspelled cohort',
    '{"cohorts": {"beta": {}}, ◀"cohort": "betta"}',
    'plan.cohort must be a cohort of this plan; got "betta". Use "beta", or define this one under cohorts.',
  ],
  [
    'a cohort where there are none',
    '{◀"cohort": "beta"}',
    'plan.cohort must be a cohort of this plan; got "beta". Define it under cohorts.',
  ],
  [
    "a client's cohort that is not defined",
    '{"cohorts": {"beta": {}}, "clients": {"acme": {◀"cohort": "internal"}}}',
    'plan.clients["acme"].cohort must be a cohort of this plan; got "internal". Define it under cohorts.',
  ],
  [
    'a cohort of a brownout that is not defined',
    brownout('"cohorts": ["beta", ◀"gama"]').replace(
      '{',
      '{"cohorts": {"beta": {}, "gamma": {}}, ',
    ),
    'plan.brownouts[0].cohorts[1] must be a cohort of this plan; got "gama". Use "gamma", or define this one under cohorts.',
  ],
  [
    'a cohort named like what every object has',
    '{"cohorts": {"beta": {}}, ◀"cohort": "constructor"}',
    'plan.cohort must be a cohort of this plan; got "constructor". Define it under cohorts.',
  ],
  [
    'a brownout that ends as it starts',
    '{"brownouts": [{"start": "2027-05-01T02:00:00+02:00", ◀"end": "2027-05-01T00:00:00Z"}]}',
    'plan.brownouts[0].end must be later than start; got "2027-05-01T00:00:00Z".',
  ],
  [
    'a brownout that ends before it starts',
    '{"brownouts": [{◀"end": "2027-04-01T00:00:00Z", "start": "2027-05-01T00:00:00Z"}]}',
    'plan.brownouts[0].end must be later than start; got "2027-04-01T00:00:00Z".',
  ],
  [
    'a daily after the end',
    '{"brownouts": [{"start": "2027-05-01T06:00:00Z", "end": "2027-05-01T18:00:00Z", ◀"daily": {"at": ["05:59", "18:00"], "minutes": 60}}]}',
    `plan.brownouts[0].daily must ${aWindow}; got ${anObject}. ${check}.`,
  ],
  [
    'a daily on days that do not come',
    '{"brownouts": [{"start": "2027-05-03T00:00:00Z", "end": "2027-05-08T00:00:00Z", ◀"daily": {"at": ["12:00"], "minutes": 60, "days": ["sat", "sun"]}}]}',
    `plan.brownouts[0].daily must ${aWindow}; got ${anObject}. ${check}.`,
  ],
];

/** Invalid JSON, with the ◀ before the character that the message quotes. */
export const malformed: readonly Mistake[] = [
  ['no text', '◀', 'plan must have a value here; got "". The text ends too early.'],
  ['white space', ' \n\t ◀', 'plan must have a value here; got "". The text ends too early.'],
  [
    'a byte order mark',
    '◀\uFEFF{}',
    'plan must have a value here; got "\uFEFF". Save the text without the byte order mark.',
  ],
  [
    'a comment',
    '{\n  ◀// soon\n}',
    'plan must have a name in double quotes here; got "/". Remove comments: JSON has none.',
  ],
  [
    'a comment behind a value',
    '{\n  "mode": "dual" ◀/* soon */\n}',
    'plan must have "," or "}" here; got "/". Remove comments: JSON has none.',
  ],
  [
    'a comma behind the last member',
    '{\n  "mode": "dual",\n◀}',
    'plan must have no comma after the last item; got "}". Remove that comma.',
  ],
  [
    'a comma behind the last item',
    '{"brownouts": [{},\n◀]}',
    'plan.brownouts must have no comma after the last item; got "]". Remove that comma.',
  ],
  [
    'no comma between members',
    '{\n  "mode": "dual"\n  ◀"cohort": "beta"\n}',
    'plan must have "," or "}" here; got "cohort".',
  ],
  [
    'no comma between items',
    '{"brownouts": [{}\n ◀{}]}',
    'plan.brownouts must have "," or "]" here; got "{".',
  ],
  ['no colon', '{"mode" ◀"dual"}', 'plan.mode must have ":" here; got "dual".'],
  ['no value', '{"mode": ◀}', 'plan.mode must have a value here; got "}".'],
  ['two commas', '{"mode": "dual",◀,}', 'plan must have a name in double quotes here; got ",".'],
  [
    'a name without quotes',
    '{\r\n◀mode: "dual"}',
    'plan must have a name in double quotes here; got "mode".',
  ],
  [
    'a name in single quotes',
    "{\r◀'mode': 'dual'}",
    'plan must have a name in double quotes here; got "\'".',
  ],
  [
    'a word',
    '{"clients": {"acme": ◀dual}}',
    'plan.clients["acme"] must have a value here; got "dual".',
  ],
  ['undefined', '{"mode": ◀undefined}', 'plan.mode must have a value here; got "undefined".'],
  ['NaN', '{"a": ◀NaN}', 'plan.a must have a value here; got "NaN".'],
  ['a word with a tail', '{"a": true◀ly}', 'plan must have "," or "}" here; got "ly".'],
  ['a zero in front', '{"a": 0◀1}', 'plan must have "," or "}" here; got "1".'],
  ['a point behind', '{"a": 1◀.}', 'plan must have "," or "}" here; got ".".'],
  ['a plus', '{"a": ◀+1}', 'plan.a must have a value here; got "+".'],
  ['a lone minus', '{"a": ◀-}', 'plan.a must have a value here; got "-".'],
  ['a hexadecimal', '{"a": 0◀x10}', 'plan must have "," or "}" here; got "x10".'],
  ['more behind the end', '{}\n◀{}', 'plan must end here; got "{".'],
  [
    'an end too early',
    '{"clients": {"acme": "dual"}◀',
    'plan must have "," or "}" here; got "". The text ends too early.',
  ],
  [
    'an end in a text',
    '{"mode": "dual◀',
    'plan.mode must have a closing quote here; got "". The text ends too early.',
  ],
  [
    'an end in an escape',
    '{"mode": "◀\\',
    'plan.mode must use only the escapes of JSON; got "\\". Write a backslash as \\\\.',
  ],
  [
    'a line break in a text',
    '{"mode": "dual◀\n}',
    'plan.mode must have no control characters in a string; got "\\n". Escape it, or add the closing quote that is missing.',
  ],
  [
    'a tab in a text',
    '{"mode": "◀\tdual"}',
    'plan.mode must have no control characters in a string; got "\\t". Escape it, or add the closing quote that is missing.',
  ],
  [
    'an unknown escape',
    '{"guide": "C:◀\\docs"}',
    'plan.guide must use only the escapes of JSON; got "\\d". Write a backslash as \\\\.',
  ],
  [
    'half an escape',
    '{"guide": "◀\\u12g4"}',
    'plan.guide must use only the escapes of JSON; got "\\u". Write a backslash as \\\\.',
  ],
  [
    'an invisible character',
    '{\n◀\u0007}',
    'plan must have a name in double quotes here; got "\\u0007".',
  ],
  [
    'another white space',
    '{◀\u00a0}',
    'plan must have a name in double quotes here; got "\u00a0".',
  ],
  ['an emoji', '{"a": 1, ◀😀}', 'plan must have a name in double quotes here; got "😀".'],
  [
    'a client twice',
    '{"clients": {\n  "acme": "dual",\n  "other": "dual",\n  ◀"acme": "token-only"\n}}',
    'plan.clients["acme"] must appear only once in its object; got "acme". Remove one of the two.',
  ],
  [
    'a client twice, once in disguise',
    '{"clients": {"acme": "dual",\n◀"ac\\u006de": "dual"}}',
    'plan.clients["acme"] must appear only once in its object; got "acme". Remove one of the two.',
  ],
  [
    'a member twice',
    '{"mode": "dual",\n ◀"mode": "dual"}',
    'plan.mode must appear only once in its object; got "mode". Remove one of the two.',
  ],
  [
    'a member of a client twice',
    '{"clients": {"a": {"mode": "dual", ◀"mode": "dual"}}}',
    'plan.clients["a"].mode must appear only once in its object; got "mode". Remove one of the two.',
  ],
  [
    '__proto__ among the clients',
    '{"clients": {"acme": "dual", ◀"__proto__": "dual"}}',
    'plan.clients["__proto__"] must have a name other than "__proto__"; got "__proto__".',
  ],
  [
    '__proto__ in disguise',
    '{◀"\\u005f_proto__": {}}',
    'plan.__proto__ must have a name other than "__proto__"; got "__proto__".',
  ],
  [
    'depths',
    `${'['.repeat(17)}◀[${']'.repeat(18)}`,
    `plan${'[0]'.repeat(17)} must be nested at most 16 levels deep; got "[".`,
  ],
];
