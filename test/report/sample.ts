import type {
  ClientReport,
  ClientStatus,
  MigrationReport,
} from '../../src/report/analysis/model.js';

const dayLength = 86_400_000;
const now = Date.parse('2026-11-22T09:30:00Z');

/** A time some days before the report, to the minute. */
const ago = (days: number): string =>
  `${new Date(now - days * dayLength).toISOString().slice(0, 16)}Z`;

/** Numbers that look random and are always the same. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

const names = [
  ...['billing-sync', 'acme-warehouse', 'globex-orders', 'initech-reports', 'umbrella-lab-import'],
  ...[
    'hooli-mobile-ios',
    'hooli-mobile-android',
    'stark-telemetry',
    'wayne-logistics',
    'tyrell-ml',
  ],
  ...['cyberdyne-inventory', 'soylent-procurement', 'wonka-storefront', 'duff-pos-terminals'],
  ...['oscorp-etl-nightly', 'massive-dynamic-bi', 'vandelay-import-export', 'pied-piper-sync'],
  ...[
    'dunder-mifflin-fax-bridge',
    'prestige-worldwide',
    'bluth-construction-erp',
    'gringotts-ledger',
  ],
  ...['monsters-inc-scheduler', 'black-mesa-sensors', 'aperture-test-runner', 'nakatomi-access'],
  ...['rekall-archive', 'virtucon-portal', 'zorg-fleet', 'weyland-shipping', 'yutani-customs'],
  ...['oceanic-checkin', 'los-pollos-delivery', 'kramerica-labs', 'sterling-crm', 'wernham-hogg'],
  ...[
    'internal-status-page',
    'partner-sandbox-7',
    'org_01HZX4Q9V0K3B7N8T2M6R5W1YE',
    '顧客管理システム',
  ],
];
const owners = [
  'payments',
  'Dana Whitfield',
  'logistics',
  'partner success',
  'data platform',
  'mobile',
];
const cohorts = ['early', 'partners', 'internal', 'long tail'];
const statuses: readonly ClientStatus[] = [
  ...(['blocked', 'blocked', 'overdue', 'overdue', 'overdue', 'on keys', 'on keys'] as const),
  ...(['on keys', 'on keys', 'in progress', 'in progress', 'in progress', 'in progress'] as const),
  ...(['in progress', 'inactive', 'inactive', 'extended'] as const),
];
const agents = [
  'python-requests/2.31.0',
  'okhttp/4.12.0',
  'Mozilla/5.0 (compatible; AcmeSync/3.2; +https://acme.example/bot)',
  'axios/1.6.8',
  'Go-http-client/1.1',
  'curl/7.81.0',
];
const routes = [
  'GET /v1/orders/:id',
  'POST /v1/orders',
  'GET /v1/customers',
  'GET /v1/exports/:export/rows',
  'PUT /v1/stock/:sku',
];

/** A client of a status, with figures that go with it. */
export function sampleClient(client: string, status: ClientStatus, place = 0): ClientReport {
  const roll = dice(place * 7_919 + 17);
  const onJwks = status !== 'migrated' && status !== 'inactive';
  const onTokens = status === 'migrated' || status === 'in progress';
  const month = onJwks ? 40 + roll(10) ** 4 * 9 : 0;
  const tokens = onTokens ? 500 + roll(10) ** 4 * 11 : 0;
  const gap = 1 + roll(9);
  const sunset = status === 'overdue' ? '2026-12-06T00:00Z' : '2026-12-31T00:00Z';
  const last = onJwks ? ago(roll(3) + 0.02) : ago(21 + roll(40));
  const safe = !onJwks;
  const cohort = place % 7 === 6 ? undefined : (cohorts[place % cohorts.length] as string);
  const owner = place % 9 === 8 ? undefined : (owners[place % owners.length] as string);
  const tallied = (count: number) => ({ count, first: ago(29), last: ago(roll(5)) });
  return {
    client,
    ...(owner !== undefined && { owner }),
    ...(cohort !== undefined && { cohort }),
    mode:
      status === 'migrated'
        ? 'token-only'
        : status === 'extended'
          ? 'extension'
          : place % 2
            ? 'deprecated'
            : 'dual',
    standing:
      status === 'migrated'
        ? 'token-only'
        : status === 'extended'
          ? 'extension'
          : place % 2
            ? 'deprecated'
            : 'dual',
    sunsetAt: status === 'extended' ? '2027-03-31T00:00Z' : sunset,
    daysToSunset: status === 'extended' ? 128 : status === 'overdue' ? 13 : 38,
    status,
    safeToCut: safe
      ? { safe, why: 'No key for 14 days or more.', quietDays: 14, longestGapDays: gap }
      : {
          safe,
          why: `A key came on ${last.slice(0, 10)}; it takes ${Math.max(14, gap * 2)} days without one, as the longest gap was ${gap === 1 ? 'a day' : `${gap} days`}.`,
          quietDays: Math.max(14, gap * 2),
          longestGapDays: gap,
          from: ago(-Math.max(14, gap * 2)),
        },
    lastKeyUse: last,
    ...(onTokens && { firstTokenUse: ago(50), lastTokenUse: ago(roll(2) + 0.01) }),
    keyRequests: { day: Math.floor(month / 31), week: Math.floor(month / 4.3), month },
    tokenRequests: { day: Math.floor(tokens / 31), week: Math.floor(tokens / 4.1), month: tokens },
    refusedRequests:
      status === 'blocked'
        ? { day: 12, week: 96, month: 412 }
        : { day: 0, week: roll(3), month: roll(9) },
    keys: Array.from({ length: 1 + roll(4) }, (_, i) => ({
      id: `key_${client.slice(0, 6)}_${i + 1}`,
      ...(i < 2 && { lastUse: last }),
      month: i === 0 ? month : 0,
      ...(i === 0 && place % 5 === 0 && { createdBy: 'm.okafor' }),
    })),
    routes: onJwks
      ? routes.slice(0, 1 + roll(5)).map((route) => ({ route, ...tallied(1 + roll(4_000)) }))
      : [],
    agents: onJwks
      ? agents.slice(roll(3), 3 + roll(3)).map((agent) => ({ agent, ...tallied(1 + roll(4_000)) }))
      : [],
    refusals:
      status === 'blocked'
        ? [
            { reason: 'ERR_TOKEN_AUDIENCE', ...tallied(388) },
            { reason: 'ERR_SCOPE_MISSING', ...tallied(24) },
          ]
        : status === 'in progress' && place % 3 === 0
          ? [{ reason: 'ERR_TOKEN_EXPIRED', ...tallied(7) }]
          : [],
    unverified: place % 13 === 5 ? [{ reason: 'ERR_TOKEN_SIGNATURE', ...tallied(3) }] : [],
    wouldDeny: place % 11 === 3 ? [{ reason: 'ERR_ORG_MISMATCH', ...tallied(31) }] : [],
  };
}

const sum = (
  clients: readonly ClientReport[],
  what: 'keyRequests' | 'tokenRequests',
  over: 'week' | 'month',
) => clients.reduce((all, client) => all + client[what][over], 0);

/** How many clients have each status, and how many of them can be cut. */
export function statusesOf(clients: readonly ClientReport[]): MigrationReport['statuses'] {
  const of = (status: ClientStatus) => {
    const those = clients.filter((one) => one.status === status);
    return { clients: those.length, safe: those.filter((one) => one.safeToCut.safe).length };
  };
  return {
    ...{
      extended: of('extended'),
      migrated: of('migrated'),
      inactive: of('inactive'),
      unknown: of('unknown'),
    },
    ...{ overdue: of('overdue'), blocked: of('blocked') },
    ...{ 'in progress': of('in progress'), 'on keys': of('on keys') },
  };
}

const traffic = (clients: readonly ClientReport[], over: 'week' | 'month') => {
  const key = sum(clients, 'keyRequests', over);
  const token = sum(clients, 'tokenRequests', over);
  const all = key + token;
  return { key, token, ...(all > 0 && { percent: Math.floor((token * 100) / all) }) };
};

/** What goes with these clients, in the middle of a migration. */
export function reportOf(clients: readonly ClientReport[], days = 90): MigrationReport {
  const roll = dice(4_711);
  const idsOf = (of: (client: ClientReport) => boolean) =>
    clients.filter(of).map(({ client }) => client);
  const migrated = clients.filter(({ status }) => status === 'migrated').length;
  const total = clients.length;
  return {
    schema: 'sallyport-report-1',
    generatedAt: ago(0),
    plan: {
      mode: 'dual',
      deprecatedAt: '2026-09-15T00:00Z',
      sunsetAt: '2026-12-31T00:00Z',
      daysToSunset: 38,
      guide: 'https://docs.example.com/auth/keys-to-tokens',
    },
    clientsMigrated: {
      total,
      migrated,
      left: total - idsOf(({ status }) => status === 'migrated' || status === 'inactive').length,
      ...(total > 0 && { percent: Math.floor((migrated * 100) / total) }),
    },
    trafficWeek: traffic(clients, 'week'),
    trafficMonth: traffic(clients, 'month'),
    safeToCut: false,
    projection: { state: 'range', from: '2026-12-19', to: '2027-02-06' },
    days: Array.from({ length: days }, (_, i) => {
      const date = new Date(now - (days - 1 - i) * dayLength);
      const busy = date.getUTCDay() % 6 === 0 ? 0.55 : 1;
      const moved = 1 / (1 + Math.exp(-(i - days * 0.62) / (days * 0.12)));
      const part = i === days - 1 ? 0.38 : 1;
      const all = (21_000 + roll(2_400)) * busy * part;
      return {
        day: date.toISOString().slice(0, 10),
        key: Math.round(all * (1 - moved * 0.82)),
        token: Math.round(all * moved * 0.9),
        refused: roll(40) + (i === days - 20 ? 640 : 0),
      };
    }),
    clients,
    statuses: statusesOf(clients),
    topKeyUsers: [...clients]
      .sort((a, b) => b.keyRequests.month - a.keyRequests.month)
      .slice(0, 10)
      .map(({ client }) => client),
    halfMigrated: idsOf(({ status }) => status === 'in progress'),
    failing: idsOf(({ refusals }) => refusals.length > 0),
    silentKeys: clients.flatMap(({ client, keys }) =>
      keys.filter(({ lastUse }) => lastUse === undefined).map(({ id }) => ({ client, key: id })),
    ),
    orphanKeys: ['key_legacy_0003', 'key_legacy_0017'],
    brownouts: [
      {
        start: '2026-11-03T10:00Z',
        end: '2026-11-03T11:00Z',
        refused: 640,
        clients: clients.slice(3, 9).map(({ client }, i) => ({
          client,
          refused: 31 + i * 40,
          cameBack: (['token', 'key', 'never'] as const)[i % 3] ?? 'key',
        })),
      },
      {
        start: '2026-10-20T10:00Z',
        end: '2026-10-20T10:15Z',
        refused: 212,
        clients: clients
          .slice(5, 8)
          .map(({ client }) => ({ client, refused: 70, cameBack: 'key' as const })),
      },
    ],
    extensions: clients
      .filter(({ status }) => status === 'extended')
      .map(({ client }) => ({ client, until: '2027-03-31T00:00Z' })),
    risks:
      clients.length < 5
        ? []
        : [
            {
              kind: 'key-in-url',
              client: clients[4]?.client ?? '',
              key: 'key_umbrel_1',
              detail: '1,204 requests had the key in their URL, last on 2026-11-21: it is in logs.',
            },
            {
              kind: 'personal-key',
              client: clients[0]?.client ?? '',
              key: 'key_billin_1',
              detail: 'm.okafor made it: the key ends when the person leaves.',
            },
            {
              kind: 'late-check',
              detail: 'orgId is in report mode, and the sunset is 38 days away.',
            },
          ],
    dataQuality: {
      trackingSince: ago(74),
      daysTracked: 74,
      daysWatched: 74,
      unwatched: { seconds: 0, stretches: [], leftOut: 0 },
      missingBatches: 0,
      reporting: 6,
      lastTold: ago(0.0007),
      lost: [{ instance: 'g-7f3a91c2', lastTold: ago(11), atMostSeconds: 30 }],
      dropped: 0,
      withoutClient: 318,
      excluded: 2,
      notes: ['Routes and user agents are kept for 30 days.'],
    },
  };
}

/** Some forty clients of a migration that is past its middle. */
export const sampleReport: MigrationReport = reportOf(
  names.map((client, i) => sampleClient(client, statuses[i] ?? 'migrated', i)),
);

/** The first day: nothing has been counted. */
export const emptyReport: MigrationReport = {
  schema: 'sallyport-report-1',
  generatedAt: ago(0),
  plan: { mode: 'dual' },
  clientsMigrated: { total: 0, migrated: 0, left: 0 },
  trafficWeek: { key: 0, token: 0 },
  trafficMonth: { key: 0, token: 0 },
  safeToCut: false,
  projection: { state: 'no trend', why: 'Nothing has been counted yet.' },
  days: [],
  clients: [],
  statuses: statusesOf([]),
  topKeyUsers: [],
  halfMigrated: [],
  failing: [],
  orphanKeys: [],
  brownouts: [],
  extensions: [],
  risks: [],
  dataQuality: {
    daysTracked: 0,
    daysWatched: 0,
    unwatched: { seconds: 0, stretches: [], leftOut: 0 },
    missingBatches: 0,
    reporting: 0,
    lost: [],
    dropped: 0,
    withoutClient: 0,
    excluded: 0,
    notes: [],
  },
};

/** A report of many clients. */
export const largeReport = (size: number): MigrationReport =>
  reportOf(
    Array.from({ length: size }, (_, i) =>
      sampleClient(`client-${i}`, statuses[i % 40] ?? 'migrated', i),
    ),
  );

/** Each tries to be more than text: in an element, an attribute, a style, a script, a terminal. */
export const nasty: readonly string[] = [
  '</script><script>window.stranger = 1</script>',
  '</style><style>body{display:none}</style>',
  '"><img src=x onerror="window.stranger = 2">',
  "' onmouseover='window.stranger = 3' autofocus tabindex=1 onfocus='window.stranger = 4' x='",
  '<svg onload=window.stranger=5><a href="javascript:window.stranger=6">here</a>',
  '<!--',
  ']]>',
  '</td></tr></table></main><h1>Everything is fine</h1>',
  '&lt;b&gt; &amp; &#x3c;script&#x3e;',
  'safe\u202Etxt.exe\u202C\u2066\u2067\u200F',
  'nul\u0000 bell\u0007 back\b\b\b escape\u001B[2J\u001B[31m\u009B1m',
  'line\r\nInjected: yes\u2028\u2029\u0085',
  'zero\u200B\u200D\uFEFF width\u00AD',
  'lone \uD800 surrogate \uDC00',
  `z${'\u0300\u0489'.repeat(60)}algo`,
  'w'.repeat(900),
  `${'長い'.repeat(200)}`,
  `\u{1F469}\u200D\u{1F4BB} שלום مرحبا`,
  '{{constructor.constructor("window.stranger = 7")()}}',
  '$\u007Bwindow.stranger}',
  'javascript:window.stranger=8',
  '`|*_[x](http://x)#@all',
];

/** A sample whose every text a stranger chose: ids stay different from each other. */
export function nastyReport(texts: readonly string[] = nasty): MigrationReport {
  const renamed = new Map<string, string>();
  const kept = /^(schema|generatedAt|mode|standing|status|state|kind|cameBack|day)$/;
  const spoil = (value: unknown, name = ''): unknown => {
    if (Array.isArray(value))
      return value.map((one) => spoil(one, typeof one === 'string' ? '' : name));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, spoil(one, key)]));
    }
    if (typeof value !== 'string' || kept.test(name)) return value;
    const held = renamed.get(value) ?? `${texts[renamed.size % texts.length]} ${renamed.size}`;
    renamed.set(value, held);
    return held;
  };
  return spoil(sampleReport) as MigrationReport;
}
