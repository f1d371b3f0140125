/** What a mistake is, the plan with a ◀ where it stands, and the sentence up to "where to read". */
type Mistake = readonly [what: string, plan: string, says: string];

const window = '"start": "2027-05-01T00:00:00Z", "end": "2027-05-08T00:00:00Z"';
const brownout = (more: string) => `{"mode": "dual", "brownouts": [{${window}, ${more}}]}`;
const daily = (more: string) => brownout(`"daily": {${more}}`);
const cohort = (more: string) => `{"mode": "dual", "cohorts": {"beta": {${more}}}}`;
const client = (more: string) => `{"mode": "dual", "clients": {"other": "dual", "acme": ${more}}}`;
const noDate = 'is no date of the years 2000 to 2999: write one such as "2027-06-30T00:00:00Z"';
const noName = 'is none of "key-only", "dual", "deprecated", "token-only", "extension"';
const noEnd =
  'needs an end of the client\'s own: write { "mode": "extension", "until": "…" } under clients';

/** Mistakes that a JSON Schema can tell. */
export const structural: readonly Mistake[] = [
  ['a list', '◀[]', 'plan: a list is no object: give the settings by name'],
  ['a number', '◀5', 'plan: 5 is no object: give the settings by name'],
  ['null', '◀null', 'plan: null is no object: give the settings by name'],
  ['a text', '◀"dual"', 'plan: "dual" is no object: give the settings by name'],
  [
    'a misspelled member',
    '{"mode": "dual", ◀"sunsetat": "2027-06-30T00:00:00Z"}',
    'plan.sunsetat: "sunsetat" is not known: did you mean "sunsetAt"?',
  ],
  [
    'an unknown member',
    '{"mode": "dual", ◀"owner": "me"}',
    'plan.owner: "owner" is not known: use $schema, mode, deprecatedAt, sunsetAt, guide, refusedStatus, cohort, issuer, clients, cohorts, brownouts, pauseBrownouts, checks, tokenChecks',
  ],
  ['a $schema that is no text', '{"mode": "dual", ◀"$schema": 5}', 'plan.$schema: 5 is no text'],
  ['an empty $schema', '{◀"$schema": ""}', 'plan.$schema: "" is no text'],

  [
    'a misspelled mode',
    '{◀"mode": "duel"}',
    'plan.mode: "duel" is not known: did you mean "dual"?',
  ],
  ['another mode', '{◀"mode": "off"}', `plan.mode: "off" ${noName}`],
  ['a mode that is null', '{◀"mode": null}', `plan.mode: null ${noName}`],
  ['a mode that is a list', '{◀"mode": ["dual"]}', `plan.mode: a list ${noName}`],
  ["everyone's extension", '{◀"mode": "extension"}', `plan.mode: "extension" ${noEnd}`],

  [
    'a deprecatedAt that is no text',
    '{◀"deprecatedAt": 1798761600}',
    `plan.deprecatedAt: 1798761600 ${noDate}`,
  ],
  [
    'a date in words',
    '{◀"deprecatedAt": "30 June 2027"}',
    `plan.deprecatedAt: "30 June 2027" ${noDate}`,
  ],
  ['a date that is null', '{◀"sunsetAt": null}', `plan.sunsetAt: null ${noDate}`],
  ['an empty date', '{◀"sunsetAt": ""}', `plan.sunsetAt: "" ${noDate}`],
  [
    'a year with a slip',
    '{◀"sunsetAt": "0227-06-30T00:00:00Z"}',
    `plan.sunsetAt: "0227-06-30T00:00:00Z" ${noDate}`,
  ],
  [
    'a day alone',
    '{◀"sunsetAt": "2027-06-30"}',
    'plan.sunsetAt: "2027-06-30" has no time and no offset: write "2027-06-30T00:00:00Z"',
  ],
  [
    'a date without an offset',
    '{◀"sunsetAt": "2027-06-30T00:00:00"}',
    'plan.sunsetAt: "2027-06-30T00:00:00" has no offset: write "2027-06-30T00:00:00Z", or an offset such as +02:00',
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
      `plan.sunsetAt: "${date}" does not exist: look at the day, the time and the offset; write one such as "2027-06-30T00:00:00Z"`,
    ],
  ),

  [
    'a guide that is a path',
    '{◀"guide": "/docs"}',
    'plan.guide: "/docs" is no absolute URL of RFC 3986: write https://…',
  ],
  [
    'an http guide',
    '{◀"guide": "http://example.com/docs"}',
    'plan.guide: "http://example.com/docs" is not https: anyone on the way could change the answer',
  ],
  [
    'a guide with a password',
    '{◀"guide": "https://me:secret@example.com/docs"}',
    'plan.guide: "https://example.com" has a user name, a password or a fragment: leave it out',
  ],
  [
    'a guide that is no text',
    '{◀"guide": true}',
    'plan.guide: true is no absolute URL of RFC 3986: write https://…',
  ],
  ['another status', '{◀"refusedStatus": 403}', 'plan.refusedStatus: 403 is neither 401 nor 410'],
  [
    'a status as a text',
    '{◀"refusedStatus": "410"}',
    'plan.refusedStatus: "410" is neither 401 nor 410',
  ],
  ['a cohort that is no text', '{◀"cohort": 1}', 'plan.cohort: 1 is no name of a cohort'],
  ['an empty cohort', '{◀"cohort": ""}', 'plan.cohort: "" is no name of a cohort'],
  [
    'a pause that is no flag',
    '{◀"pauseBrownouts": "yes"}',
    'plan.pauseBrownouts: "yes" is neither true nor false',
  ],

  [
    'a misspelled check',
    '{"checks": {◀"scope": "report"}}',
    'plan.checks.scope: "scope" is not known: did you mean "scopes"?',
  ],
  [
    'an unknown check',
    '{"tokenChecks": {"type": "report", ◀"nonce": "report"}}',
    'plan.tokenChecks.nonce: "nonce" is not known: use audience, type, scopes, organization, lifetime',
  ],
  ...['signature', 'algorithm', 'issuer', 'expiry', 'alg', 'iss', 'exp'].map(
    (check): Mistake => [
      `a report of ${check}`,
      `{"tokenChecks": {"type": "report", ◀"${check}": "report"}}`,
      `plan.tokenChecks.${check}: "${check}" is always enforced: signature, algorithm, issuer and expiry can never be report-only`,
    ],
  ),
  [
    'a misspelled rule',
    '{"tokenChecks": {◀"type": "reports"}}',
    'plan.tokenChecks.type: "reports" is not known: did you mean "report"?',
  ],
  [
    'another rule',
    '{"tokenChecks": {◀"type": false}}',
    'plan.tokenChecks.type: false is none of "enforce", "report"',
  ],
  [
    'checks that are a list',
    '{◀"checks": ["type"]}',
    'plan.checks: a list is no object: give the settings by name',
  ],

  [
    'clients that are a list',
    '{◀"clients": ["acme"]}',
    'plan.clients: a list is no plain object: write each client under its name',
  ],
  [
    'clients that are null',
    '{◀"clients": null}',
    'plan.clients: null is no plain object: write each client under its name',
  ],
  [
    'a client without a name',
    '{"clients": {"acme": "dual", ◀"": "dual"}}',
    'plan.clients[""]: "" names no client',
  ],
  [
    "a client's misspelled mode",
    '{"clients": {"other": "dual", ◀"acme": "token_only"}}',
    'plan.clients["acme"]: "token_only" is not known: did you mean "token-only"?',
  ],
  [
    "a client's misspelled mode in an object",
    client('{◀"mode": "duel"}'),
    'plan.clients["acme"].mode: "duel" is not known: did you mean "dual"?',
  ],
  [
    'a client that is a number',
    '{"clients": {"other": "dual", ◀"acme": 1}}',
    'plan.clients["acme"]: 1 is neither a mode nor an object with one',
  ],
  [
    'a client that is null',
    '{"clients": {"other": "dual", ◀"acme": null}}',
    'plan.clients["acme"]: null is neither a mode nor an object with one',
  ],
  [
    'a client that is a list',
    '{"clients": {"other": "dual", ◀"acme": ["dual"]}}',
    'plan.clients["acme"]: a list is neither a mode nor an object with one',
  ],
  [
    'an unknown member of a client',
    client('{"mode": "dual", ◀"untl": "2027-06-30T00:00:00Z"}'),
    'plan.clients["acme"].untl: "untl" is not known: did you mean "until"?',
  ],
  [
    'an extension in short',
    '{"clients": {"other": "dual", ◀"acme": "extension"}}',
    `plan.clients["acme"]: "extension" ${noEnd}`,
  ],
  [
    'an extension without an end',
    client('{"cohort": "beta", ◀"mode": "extension"}').replace(
      '{"mode"',
      '{"cohorts": {"beta": {}}, "mode"',
    ),
    'plan.clients["acme"].mode: "extension" needs an end: write "until" beside it',
  ],
  [
    'an end without an extension',
    client('{"mode": "dual", ◀"until": "2027-06-30T00:00:00Z"}'),
    'plan.clients["acme"].until: "2027-06-30T00:00:00Z" is the end of an extension: write "mode": "extension" beside it',
  ],
  [
    'an end without a mode',
    client('{◀"until": "2027-06-30T00:00:00Z"}'),
    'plan.clients["acme"].until: "2027-06-30T00:00:00Z" is the end of an extension: write "mode": "extension" beside it',
  ],
  [
    'an end that is no date',
    client('{"mode": "extension", ◀"until": "soon"}'),
    `plan.clients["acme"].until: "soon" ${noDate}`,
  ],
  [
    "a client's cohort that is no text",
    client('{"mode": "dual", ◀"cohort": {}}'),
    'plan.clients["acme"].cohort: this is no name of a cohort',
  ],
  [
    "a client's unreportable check",
    client('{"checks": {"scopes": "report", ◀"issuer": "report"}}'),
    'plan.clients["acme"].checks.issuer: "issuer" is always enforced: signature, algorithm, issuer and expiry can never be report-only',
  ],
  [
    "a client's other rule",
    client('{"checks": {◀"scopes": "off"}}'),
    'plan.clients["acme"].checks.scopes: "off" is none of "enforce", "report"',
  ],

  [
    'cohorts that are a list',
    '{◀"cohorts": ["beta"]}',
    'plan.cohorts: a list is no plain object: write each cohort under its name',
  ],
  [
    'a cohort without a name',
    '{"cohorts": {"beta": {}, ◀"": {}}}',
    'plan.cohorts[""]: "" names no cohort',
  ],
  [
    'a cohort that is a mode',
    '{"cohorts": {◀"beta": "dual"}}',
    'plan.cohorts["beta"]: "dual" is no object: give the settings by name',
  ],
  [
    'an unknown member of a cohort',
    cohort('"mode": "dual", ◀"percentage": 5'),
    'plan.cohorts["beta"].percentage: "percentage" is not known: use mode, percent, salt, sunsetAt',
  ],
  [
    "a cohort's misspelled mode",
    cohort('◀"mode": "tokenonly"'),
    'plan.cohorts["beta"].mode: "tokenonly" is not known: did you mean "token-only"?',
  ],
  [
    "a cohort's extension",
    cohort('◀"mode": "extension"'),
    `plan.cohorts["beta"].mode: "extension" ${noEnd}`,
  ],
  [
    'a percentage of no mode',
    cohort('◀"percent": 10'),
    'plan.cohorts["beta"].percent: 10 needs a mode beside it: the one these clients are to have',
  ],
  [
    'a salt of no percentage',
    cohort('"mode": "dual", ◀"salt": "2"'),
    'plan.cohorts["beta"].salt: "2" needs a percent beside it, or it draws nobody',
  ],
  ...['-1', '100.5', '"10"', 'null', 'true'].map(
    (percent): Mistake => [
      `the percentage ${percent}`,
      cohort(`"mode": "dual", ◀"percent": ${percent}`),
      `plan.cohorts["beta"].percent: ${percent} is no number from 0 to 100`,
    ],
  ),
  ...['""', '1'].map(
    (salt): Mistake => [
      `the salt ${salt}`,
      cohort(`"mode": "dual", "percent": 5, ◀"salt": ${salt}`),
      `plan.cohorts["beta"].salt: ${salt} is no salt: write a text`,
    ],
  ),
  [
    "a cohort's sunset that is no date",
    cohort('"mode": "dual", ◀"sunsetAt": "2027-06-30"'),
    'plan.cohorts["beta"].sunsetAt: "2027-06-30" has no time and no offset: write "2027-06-30T00:00:00Z"',
  ],

  [
    'brownouts that are no list',
    `{◀"brownouts": {${window}}}`,
    'plan.brownouts: this is no list of brownouts',
  ],
  [
    'a brownout that is a text',
    `{"brownouts": [{${window}}, ◀"2027-05-01"]}`,
    'plan.brownouts[1]: "2027-05-01" is no object: give the settings by name',
  ],
  [
    'a brownout without a start',
    `{"brownouts": [{${window}}, ◀{"end": "2027-05-08T00:00:00Z"}]}`,
    `plan.brownouts[1].start: undefined ${noDate}`,
  ],
  [
    'a brownout without an end',
    '{"brownouts": [◀{"start": "2027-05-08T00:00:00Z"}]}',
    `plan.brownouts[0].end: undefined ${noDate}`,
  ],
  [
    'a start that is no date',
    '{"brownouts": [{◀"start": "2027-05-08", "end": "2027-05-09T00:00:00Z"}]}',
    'plan.brownouts[0].start: "2027-05-08" has no time and no offset: write "2027-05-08T00:00:00Z"',
  ],
  [
    'an unknown member of a brownout',
    brownout('◀"dryrun": true'),
    'plan.brownouts[0].dryrun: "dryrun" is not known: did you mean "dryRun"?',
  ],
  [
    'a dry run that is no flag',
    brownout('◀"dryRun": 1'),
    'plan.brownouts[0].dryRun: 1 is neither true nor false',
  ],
  [
    'a paused that is no flag',
    brownout('◀"paused": null'),
    'plan.brownouts[0].paused: null is neither true nor false',
  ],
  ...['cohorts', 'exempt'].flatMap((name): Mistake[] => [
    [
      `${name} of a brownout that are a text`,
      brownout(`◀"${name}": "beta"`),
      `plan.brownouts[0].${name}: "beta" is no list: write […]`,
    ],
    [
      `${name} of a brownout that are empty`,
      brownout(`◀"${name}": []`),
      `plan.brownouts[0].${name}: a list is empty: name one, or leave it out`,
    ],
  ]),
  [
    'a cohort of a brownout that is no text',
    brownout('"cohorts": [◀5]'),
    'plan.brownouts[0].cohorts[0]: 5 is no name of a cohort',
  ],
  [
    'a cohort of a brownout twice',
    brownout('"cohorts": ["beta", ◀"beta"]').replace('{', '{"cohorts": {"beta": {}}, '),
    'plan.brownouts[0].cohorts[1]: "beta" stands twice in the list: keep one',
  ],
  [
    'an exemption that is no text',
    brownout('"exempt": ["acme", ◀""]'),
    'plan.brownouts[0].exempt[1]: "" is no client id',
  ],
  [
    'an exemption twice',
    brownout('"exempt": ["acme", "other", ◀"acme"]'),
    'plan.brownouts[0].exempt[2]: "acme" stands twice in the list: keep one',
  ],
  [
    'a daily that is a text',
    brownout('◀"daily": "09:00"'),
    'plan.brownouts[0].daily: "09:00" is no object: give the settings by name',
  ],
  [
    'an unknown member of a daily',
    daily('"at": ["09:00"], ◀"minute": 5'),
    'plan.brownouts[0].daily.minute: "minute" is not known: did you mean "minutes"?',
  ],
  [
    'a daily without times',
    brownout('◀"daily": {"minutes": 5}'),
    'plan.brownouts[0].daily.at: undefined is no list: write […]',
  ],
  [
    'a daily without minutes',
    brownout('◀"daily": {"at": ["09:00"]}'),
    'plan.brownouts[0].daily.minutes: undefined is no whole number from 1 to 1439',
  ],
  [
    'a time that is no list',
    daily('◀"at": "09:00", "minutes": 5'),
    'plan.brownouts[0].daily.at: "09:00" is no list: write […]',
  ],
  [
    'no times',
    daily('◀"at": [], "minutes": 5'),
    'plan.brownouts[0].daily.at: a list is empty: name one, or leave it out',
  ],
  ...['"9:00"', '"24:00"', '"09:60"', '"09:00:00"', '"09:00Z"', '""', '9'].map(
    (time): Mistake => [
      `the time ${time}`,
      daily(`"at": ["08:00", ◀${time}], "minutes": 5`),
      `plan.brownouts[0].daily.at[1]: ${time} is no time of day: write "00:00" to "23:59", in UTC`,
    ],
  ),
  [
    'a time twice',
    daily('"at": ["08:00", ◀"08:00"], "minutes": 5'),
    'plan.brownouts[0].daily.at[1]: "08:00" stands twice in the list: keep one',
  ],
  ...['0', '-5', '1440', '1.5', '"15"', 'null'].map(
    (minutes): Mistake => [
      `${minutes} minutes`,
      daily(`"at": ["08:00"], ◀"minutes": ${minutes}`),
      `plan.brownouts[0].daily.minutes: ${minutes} is no whole number from 1 to 1439`,
    ],
  ),
  [
    'no minutes',
    daily('"at": ["08:00"], ◀"minutes": []'),
    'plan.brownouts[0].daily.minutes: a list is empty: name one, or leave it out',
  ],
  [
    'minutes that escalate beyond a day',
    daily('"at": ["08:00"], "minutes": [15, 15, ◀1440]'),
    'plan.brownouts[0].daily.minutes[2]: 1440 is no whole number from 1 to 1439',
  ],
  [
    'a day in another case',
    daily('"at": ["08:00"], "minutes": 5, "days": ["mon", ◀"Tue"]'),
    'plan.brownouts[0].daily.days[1]: "Tue" is not known: did you mean "tue"?',
  ],
  [
    'a day by number',
    daily('"at": ["08:00"], "minutes": 5, "days": [◀1]'),
    'plan.brownouts[0].daily.days[0]: 1 is none of "sun", "mon", "tue", "wed", "thu", "fri", "sat"',
  ],
  [
    'no days',
    daily('"at": ["08:00"], "minutes": 5, ◀"days": []'),
    'plan.brownouts[0].daily.days: a list is empty: name one, or leave it out',
  ],
  [
    'a day twice',
    daily('"at": ["08:00"], "minutes": 5, "days": ["mon", ◀"mon"]'),
    'plan.brownouts[0].daily.days[1]: "mon" stands twice in the list: keep one',
  ],
];

const early = 'is earlier than deprecatedAt, which RFC 9745 rules out';
const deprecated = '"deprecatedAt": "2027-01-01T00:00:00Z"';
const none = 'has no window that begins between start and end';

/** Mistakes that depend on more than one value, or on the calendar: beyond a schema. */
export const beyondSchema: readonly Mistake[] = [
  [
    'a leap day of no leap year',
    '{◀"sunsetAt": "2027-02-29T00:00:00Z"}',
    'plan.sunsetAt: "2027-02-29T00:00:00Z" does not exist: look at the day, the time and the offset; write one such as "2027-06-30T00:00:00Z"',
  ],
  [
    'a sunset before the deprecation',
    `{◀"sunsetAt": "2027-01-01T00:59:59+01:00", ${deprecated}}`,
    `plan.sunsetAt: "2027-01-01T00:59:59+01:00" ${early}`,
  ],
  [
    "a cohort's sunset before the deprecation",
    `{${deprecated}, "cohorts": {"beta": {◀"sunsetAt": "2026-12-31T23:59:59.999Z"}}}`,
    `plan.cohorts["beta"].sunsetAt: "2026-12-31T23:59:59.999Z" ${early}`,
  ],
  [
    'the end of an extension before the deprecation',
    `{"clients": {"acme": {"mode": "extension", ◀"until": "2026-06-30T00:00:00Z"}}, ${deprecated}}`,
    `plan.clients["acme"].until: "2026-06-30T00:00:00Z" ${early}`,
  ],
  [
    'an extension that ends with the sunset',
    '{"sunsetAt": "2027-06-30T00:00:00Z", "clients": {"acme": {"mode": "extension", ◀"until": "2027-06-30T02:00:00+02:00"}}}',
    'plan.clients["acme"].until: "2027-06-30T02:00:00+02:00" extends nothing: the sunset before it is 2027-06-30T00:00:00.000Z',
  ],
  [
    "an extension that ends before its cohort's sunset",
    '{"sunsetAt": "2027-06-30T00:00:00Z", "cohorts": {"beta": {"sunsetAt": "2027-08-31T00:00:00Z"}}, "clients": {"acme": {"mode": "extension", "cohort": "beta", ◀"until": "2027-07-31T00:00:00Z"}}}',
    'plan.clients["acme"].until: "2027-07-31T00:00:00Z" extends nothing: the sunset before it is 2027-08-31T00:00:00.000Z',
  ],
  [
    "an extension that ends before everyone's cohort's sunset",
    '{"cohort": "beta", "cohorts": {"beta": {"sunsetAt": "2027-08-31T00:00:00Z"}}, "clients": {"acme": {"mode": "extension", ◀"until": "2027-07-31T00:00:00Z"}}}',
    'plan.clients["acme"].until: "2027-07-31T00:00:00Z" extends nothing: the sunset before it is 2027-08-31T00:00:00.000Z',
  ],
  [
    'a misspelled cohort',
    '{"cohorts": {"beta": {}}, ◀"cohort": "betta"}',
    'plan.cohort: "betta" is no cohort of this plan: did you mean "beta"?',
  ],
  [
    'a cohort where there are none',
    '{◀"cohort": "beta"}',
    'plan.cohort: "beta" is no cohort of this plan: define it under cohorts',
  ],
  [
    "a client's cohort that is not defined",
    '{"cohorts": {"beta": {}}, "clients": {"acme": {◀"cohort": "internal"}}}',
    'plan.clients["acme"].cohort: "internal" is no cohort of this plan: define it under cohorts',
  ],
  [
    'a cohort of a brownout that is not defined',
    brownout('"cohorts": ["beta", ◀"gama"]').replace(
      '{',
      '{"cohorts": {"beta": {}, "gamma": {}}, ',
    ),
    'plan.brownouts[0].cohorts[1]: "gama" is no cohort of this plan: did you mean "gamma"?',
  ],
  [
    'a cohort named like what every object has',
    '{"cohorts": {"beta": {}}, ◀"cohort": "constructor"}',
    'plan.cohort: "constructor" is no cohort of this plan: define it under cohorts',
  ],
  [
    'a brownout that ends as it starts',
    '{"brownouts": [{"start": "2027-05-01T02:00:00+02:00", ◀"end": "2027-05-01T00:00:00Z"}]}',
    'plan.brownouts[0].end: "2027-05-01T00:00:00Z" is not later than start',
  ],
  [
    'a brownout that ends before it starts',
    '{"brownouts": [{◀"end": "2027-04-01T00:00:00Z", "start": "2027-05-01T00:00:00Z"}]}',
    'plan.brownouts[0].end: "2027-04-01T00:00:00Z" is not later than start',
  ],
  [
    'a daily after the end',
    '{"brownouts": [{"start": "2027-05-01T06:00:00Z", "end": "2027-05-01T18:00:00Z", ◀"daily": {"at": ["05:59", "18:00"], "minutes": 60}}]}',
    `plan.brownouts[0].daily: this ${none}`,
  ],
  [
    'a daily on days that do not come',
    '{"brownouts": [{"start": "2027-05-03T00:00:00Z", "end": "2027-05-08T00:00:00Z", ◀"daily": {"at": ["12:00"], "minutes": 60, "days": ["sat", "sun"]}}]}',
    `plan.brownouts[0].daily: this ${none}`,
  ],
];

/** What JSON rules out, the ◀ before the character that is told. */
export const malformed: readonly Mistake[] = [
  ['no text', '◀', 'plan: this ends too early: a value is missing'],
  ['white space', ' \n\t ◀', 'plan: this ends too early: a value is missing'],
  [
    'a byte order mark',
    '◀\uFEFF{}',
    'plan: "\uFEFF" is a byte order mark: save the text without it',
  ],
  ['a comment', '{\n  ◀// soon\n}', 'plan: "/" is no JSON: there are no comments in it'],
  [
    'a comment behind a value',
    '{\n  "mode": "dual" ◀/* soon */\n}',
    'plan: "/" is no JSON: there are no comments in it',
  ],
  [
    'a comma behind the last member',
    '{\n  "mode": "dual",\n◀}',
    'plan: "}" stands behind a comma: leave the comma out',
  ],
  [
    'a comma behind the last item',
    '{"brownouts": [{},\n◀]}',
    'plan.brownouts: "]" stands behind a comma: leave the comma out',
  ],
  [
    'no comma between members',
    '{\n  "mode": "dual"\n  ◀"cohort": "beta"\n}',
    'plan: "cohort" is no JSON: "," or "}" was expected',
  ],
  [
    'no comma between items',
    '{"brownouts": [{}\n ◀{}]}',
    'plan.brownouts: "{" is no JSON: "," or "]" was expected',
  ],
  ['no colon', '{"mode" ◀"dual"}', 'plan.mode: "dual" is no JSON: ":" was expected'],
  ['no value', '{"mode": ◀}', 'plan.mode: "}" is no JSON: a value was expected'],
  [
    'two commas',
    '{"mode": "dual",◀,}',
    'plan: "," is no JSON: a name in double quotes was expected',
  ],
  [
    'a name without quotes',
    '{\r\n◀mode: "dual"}',
    'plan: "mode" is no JSON: a name in double quotes was expected',
  ],
  [
    'a name in single quotes',
    "{\r◀'mode': 'dual'}",
    'plan: "\'" is no JSON: a name in double quotes was expected',
  ],
  [
    'a word',
    '{"clients": {"acme": ◀dual}}',
    'plan.clients["acme"]: "dual" is no JSON: a value was expected',
  ],
  ['undefined', '{"mode": ◀undefined}', 'plan.mode: "undefined" is no JSON: a value was expected'],
  ['NaN', '{"a": ◀NaN}', 'plan.a: "NaN" is no JSON: a value was expected'],
  ['a word with a tail', '{"a": true◀ly}', 'plan: "ly" is no JSON: "," or "}" was expected'],
  ['a zero in front', '{"a": 0◀1}', 'plan: "1" is no JSON: "," or "}" was expected'],
  ['a point behind', '{"a": 1◀.}', 'plan: "." is no JSON: "," or "}" was expected'],
  ['a plus', '{"a": ◀+1}', 'plan.a: "+" is no JSON: a value was expected'],
  ['a lone minus', '{"a": ◀-}', 'plan.a: "-" is no JSON: a value was expected'],
  ['a hexadecimal', '{"a": 0◀x10}', 'plan: "x10" is no JSON: "," or "}" was expected'],
  ['more behind the end', '{}\n◀{}', 'plan: "{" is no JSON: the end was expected'],
  [
    'an end too early',
    '{"clients": {"acme": "dual"}◀',
    'plan: this ends too early: "," or "}" is missing',
  ],
  [
    'an end in a text',
    '{"mode": "dual◀',
    'plan.mode: this ends too early: a closing quote is missing',
  ],
  [
    'an end in an escape',
    '{"mode": "◀\\',
    'plan.mode: "\\" is no escape of JSON: a backslash is \\\\',
  ],
  [
    'a line break in a text',
    '{"mode": "dual◀\n}',
    'plan.mode: "\\n" cannot stand in a text: is a closing quote missing?',
  ],
  [
    'a tab in a text',
    '{"mode": "◀\tdual"}',
    'plan.mode: "\\t" cannot stand in a text: is a closing quote missing?',
  ],
  [
    'an unknown escape',
    '{"guide": "C:◀\\docs"}',
    'plan.guide: "\\d" is no escape of JSON: a backslash is \\\\',
  ],
  [
    'half an escape',
    '{"guide": "◀\\u12g4"}',
    'plan.guide: "\\u" is no escape of JSON: a backslash is \\\\',
  ],
  [
    'an invisible character',
    '{\n◀\u0007}',
    'plan: "\\u0007" is no JSON: a name in double quotes was expected',
  ],
  [
    'another white space',
    '{◀\u00a0}',
    'plan: "\u00a0" is no JSON: a name in double quotes was expected',
  ],
  ['an emoji', '{"a": 1, ◀😀}', 'plan: "😀" is no JSON: a name in double quotes was expected'],
  [
    'a client twice',
    '{"clients": {\n  "acme": "dual",\n  "other": "dual",\n  ◀"acme": "token-only"\n}}',
    'plan.clients["acme"]: "acme" stands twice in one object: keep one',
  ],
  [
    'a client twice, once in disguise',
    '{"clients": {"acme": "dual",\n◀"ac\\u006de": "dual"}}',
    'plan.clients["acme"]: "acme" stands twice in one object: keep one',
  ],
  [
    'a member twice',
    '{"mode": "dual",\n ◀"mode": "dual"}',
    'plan.mode: "mode" stands twice in one object: keep one',
  ],
  [
    'a member of a client twice',
    '{"clients": {"a": {"mode": "dual", ◀"mode": "dual"}}}',
    'plan.clients["a"].mode: "mode" stands twice in one object: keep one',
  ],
  [
    '__proto__ among the clients',
    '{"clients": {"acme": "dual", ◀"__proto__": "dual"}}',
    'plan.clients["__proto__"]: "__proto__" cannot be a name here',
  ],
  [
    '__proto__ in disguise',
    '{◀"\\u005f_proto__": {}}',
    'plan.__proto__: "__proto__" cannot be a name here',
  ],
  [
    'depths',
    `${'['.repeat(17)}◀[${']'.repeat(18)}`,
    `plan${'[0]'.repeat(17)}: "[" is nested too deep for a plan`,
  ],
];
