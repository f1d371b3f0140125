/**
 * What was to be reached. `measure` gets every part's data by the part's name; where something was
 * not measured it may throw a TypeError. Ratios are sallyport's to somebody else's. One at a time,
 * CPU is the wall time of an idle machine, and the better number on any other.
 */
const frameworks = { express: 'Express', fastify: 'Fastify' };
const inFlight = '64 in flight';
const alone = 'one at a time';

const peersOf = (summary) =>
  Object.entries(summary).filter(([name]) => !/^(sallyport|floor|no auth)/.test(name));
const toBest = (summary, metric, takesPart = () => true) =>
  1 /
  Math.min(
    ...peersOf(summary)
      .filter(takesPart)
      .map(([, row]) => row[metric].times),
  );
const to = (row, metric = 'wall') => 1 / row[metric].times;
const toFastest = (summary) =>
  1 / Math.max(...peersOf(summary).map(([, { toSallyport }]) => toSallyport));

const hot = [
  {
    goal: 'hot, 100 tokens: to fast-jwt’s bare cache hit',
    most: 1,
    measure: ({ hot }) => to(hot[100]['fast-jwt, key in hand'], 'cpu'),
  },
  {
    goal: 'hot, 100 tokens: to SHA-256 + Map look-up',
    most: 2,
    measure: ({ hot }) => to(hot[100]['floor: SHA-256 + Map look-up'], 'cpu'),
  },
  {
    goal: 'hot, 100 tokens: jose to sallyport',
    least: 25,
    measure: ({ hot }) => hot[100].jose.cpu.times,
  },
  {
    goal: 'hot, 100 API keys: to as many tokens',
    most: 1,
    measure: ({ hot }) => hot[100]['sallyport, API key'].cpu.times,
  },
];

const cold = [
  {
    goal: 'cold RS256, 64 in flight: event loop to the best peer’s',
    most: 0.5,
    measure: ({ cold }) => toBest(cold.RS256[inFlight], 'loop'),
  },
  {
    goal: 'cold RS256, 64 in flight: CPU to OpenSSL alone',
    most: 1.4,
    measure: ({ cold }) => to(cold.RS256[inFlight]['floor: OpenSSL alone'], 'cpu'),
  },
  ...['ES256', 'EdDSA'].flatMap((algorithm) => [
    {
      goal: `cold ${algorithm}, 64 in flight: event loop to the best peer’s`,
      most: 0.4,
      measure: ({ cold }) => toBest(cold[algorithm][inFlight], 'loop'),
    },
    {
      goal: `cold ${algorithm}, 64 in flight: wall to the fastest peer’s`,
      most: 1,
      measure: ({ cold }) => toBest(cold[algorithm][inFlight], 'wall'),
    },
  ]),
  {
    goal: 'cold RS256, one at a time: wall to the fastest that frees the event loop',
    most: 1,
    measure: ({ cold, checks }) =>
      toBest(cold.RS256[alone], 'wall', ([name]) => !checks.contestants[name].blocks),
  },
];

const http = Object.entries(frameworks).flatMap(([framework, name]) => [
  {
    goal: `HTTP hot on ${name}: requests/s to no auth`,
    least: framework === 'express' ? 0.92 : 0.9,
    measure: ({ http }) => http[framework].hot.sallyport.share,
  },
  {
    goal: `HTTP hot on ${name}: requests/s to the fastest peer’s`,
    least: 1,
    measure: ({ http }) => toFastest(http[framework].hot),
  },
  {
    goal: `HTTP hot on ${name}: added CPU`,
    most: framework === 'express' ? 10 : 4,
    unit: ' µs',
    measure: ({ http }) => http[framework].hot.sallyport.added,
  },
  {
    goal: `HTTP cold on ${name}: requests/s to the fastest peer’s`,
    least: 1,
    measure: ({ http }) => toFastest(http[framework].cold),
  },
  {
    goal: `HTTP hot on ${name}, dual mode: keys to tokens, requests/s`,
    least: 1,
    measure: ({ http }) =>
      http[framework].hot['sallyport, dual mode, API key'].toSallyport /
      http[framework].hot['sallyport, dual mode, token'].toSallyport,
  },
]);

const most = {
  'garbage of 8 KB': 4,
  'garbage of 8 KB in three segments': 4,
  expired: 8,
  'wrong audience': 8,
  'unknown kid': 8,
  'bad signature': undefined,
};

const refusals = Object.entries(most).flatMap(([name, microseconds]) => [
  {
    goal: `refused, ${name}: to the cheapest peer’s`,
    most: 1,
    measure: ({ refusals }) => toBest(refusals[name], 'cpu'),
  },
  ...(microseconds === undefined
    ? []
    : [
        {
          goal: `refused, ${name}`,
          most: microseconds,
          unit: ' µs',
          measure: ({ refusals }) => refusals[name].sallyport.cpu.median,
        },
      ]),
]);

const rest = [
  {
    goal: 'refused, unknown kid: fetches for a token',
    most: 0.01,
    unit: '',
    measure: ({ refusals }) => refusals['unknown kid'].sallyport.fetches,
  },
  {
    goal: 'memory: distinct tokens gone through',
    least: 1_000_000,
    unit: '',
    measure: ({ memory }) => Math.max(...Object.keys(memory.flood).map(Number)),
  },
  {
    goal: 'memory: heap after them to heap when the cache was full',
    most: 1.1,
    measure: ({ memory }) => {
      const points = Object.values(memory.flood);
      return points.at(-1).heap / points[0].heap;
    },
  },
  {
    goal: 'memory: one entry',
    most: 2048,
    unit: ' B',
    measure: ({ memory }) => memory.bytes.sallyport,
  },
  {
    goal: 'memory: CPU of 10 000 known tokens after 12 000 refused, to before',
    most: 1.5,
    measure: ({ memory }) => memory.refused.after / memory.refused.before,
  },
  {
    goal: 'import sallyport/express: wall to express-oauth2-jwt-bearer',
    most: 1,
    measure: ({ startup }) => to(startup['express-oauth2-jwt-bearer']),
  },
  {
    goal: 'import sallyport/express: modules to express-oauth2-jwt-bearer',
    most: 1,
    measure: ({ startup }) =>
      startup['sallyport/express'].modules / startup['express-oauth2-jwt-bearer'].modules,
  },
];

export const goals = [...hot, ...cold, ...http, ...refusals, ...rest];
