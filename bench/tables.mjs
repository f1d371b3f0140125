import { figure, spread, times } from './harness/table.mjs';

/** What people read of a part's data. */
export const tablesOf = { checks, cold, hot, refusals, http, usage, startup, memory };

function checks({ contestants, refused, tried }) {
  const all = Object.entries(contestants);
  return [
    {
      title: 'Contestants, each set up as its README says',
      rows: all.map(([name, { how, remembers, blocks }]) => ({
        contestant: name,
        'called as': how,
        remembers,
        'checks signatures': blocks ? 'on the event loop' : 'on another thread',
      })),
    },
    {
      title: 'What they let through, set up like this',
      notes: [
        `All of them accept a good token, twice, and refuse: ${refused}.`,
        `Tried: ${tried}.`,
      ],
      rows: all.map(([name, { letsThrough }]) => ({
        contestant: name,
        'lets through': letsThrough || 'nothing',
      })),
    },
  ];
}

function cold({ loopClock, ...algorithms }) {
  const notes = [
    'For one token; × is how many times sallyport’s: the median over all rounds, and where half of the rounds lie.',
    `Event loop: ${loopClock}. CPU: all threads of the process.`,
  ];
  return Object.entries(algorithms).flatMap(([algorithm, modes]) =>
    Object.entries(modes).map(([mode, summary]) => ({
      title: `Cold, ${algorithm}, ${mode}`,
      notes,
      rows: Object.entries(summary).map(([name, row]) => ({
        contestant: name,
        ...wallAndCpu(row),
        'event loop µs': figure(row.loop.median),
        'event loop ×': times(row.loop.times),
      })),
    })),
  );
}

function hot(sizes) {
  return Object.entries(sizes).map(([size, summary]) => ({
    title: `Hot, RS256, ${size} token${size === '1' ? '' : 's'}, one at a time`,
    notes: ['For one token, the making of its string included; × is how many times sallyport’s.'],
    rows: Object.entries(summary).map(([name, row]) => ({ contestant: name, ...wallAndCpu(row) })),
  }));
}

function refusals(cases) {
  return Object.entries(cases).map(([name, summary]) => ({
    title: `Refused: ${name}, one at a time`,
    notes: [
      'For one token; × is how many times sallyport’s. “thrown” knows no status, and answers nothing yet.',
      'Fetches: how often the issuer was asked for its keys, for one token.',
    ],
    rows: Object.entries(summary).map(([contestant, row]) => ({
      contestant,
      ...wallAndCpu(row),
      answers: row.answers,
      fetches: figure(row.fetches),
    })),
  }));
}

const wallAndCpu = ({ wall, cpu }) => ({
  'wall µs': figure(wall.median),
  'wall ×': times(wall.times),
  'half of rounds': spread(wall),
  'CPU µs': figure(cpu.median),
  'CPU ×': times(cpu.times),
});

function http(frameworks) {
  const names = { express: 'Express 5', fastify: 'Fastify 5' };
  return Object.entries(frameworks).flatMap(([framework, kinds]) =>
    Object.entries(kinds).map(([kind, summary]) => ({
      title: `HTTP on ${names[framework]}, ${kind}`,
      notes: [
        `Share: requests per second against the same handler without auth in the same round. For a second such handler it was ${twoDigits(summary['no auth, again'])} in half of the rounds: smaller differences say nothing.`,
        'CPU: all threads of the server’s process, for one request. Busy: how much of the time its event loop did not wait; much below 1, and something else limited the rate.',
      ],
      rows: Object.entries(summary).map(([server, row]) => ({
        server,
        'requests/s': row.rate.toFixed(0),
        share: row.share.toFixed(2),
        'half of rounds': twoDigits(row),
        'CPU µs': figure(row.cpu),
        'added CPU µs': figure(row.added),
        busy: row.busy.toFixed(2),
      })),
    })),
  );
}

const twoDigits = ({ low, high }) => `${low.toFixed(2)}–${high.toFixed(2)}`;

function startup(libraries) {
  return [
    {
      title: 'Start-up: loading a library, in a new process',
      notes: ['× is how many times sallyport/express. Modules are files; Node’s own do not count.'],
      rows: Object.entries(libraries).map(([name, { wall, cpu, modules }]) => ({
        library: name,
        'wall ms': figure(wall.median),
        'wall ×': times(wall.times),
        'half of rounds': spread(wall),
        'CPU ms': figure(cpu.median),
        'CPU ×': times(cpu.times),
        modules: String(modules),
      })),
    },
  ];
}

function usage(summary) {
  return [
    {
      title: 'Counting who uses keys: 100 API keys, one at a time',
      notes: [
        'For one request; × is how many times that of a guard that counts nothing.',
        'A flush is begun before each sample and not waited for.',
      ],
      rows: Object.entries(summary).map(([name, row]) => ({ usage: name, ...wallAndCpu(row) })),
    },
  ];
}

function memory({ bytes, flood, refused }) {
  const mebibytes = (count) => (count / 2 ** 20).toFixed(1);
  return [
    {
      title: 'Memory: one remembered token, 10 000 of them held',
      rows: Object.entries(bytes).map(([name, each]) => ({
        contestant: name,
        'bytes an entry': each.toFixed(0),
      })),
    },
    {
      title: 'Memory: distinct good tokens through sallyport, which remembers 10 000',
      notes: ['After a full garbage collection. Heap: what is in use, buffers included.'],
      rows: Object.entries(flood).map(([count, { heap, rss }]) => ({
        tokens: count,
        'heap MiB': mebibytes(heap),
        'rss MiB': mebibytes(rss),
      })),
    },
    {
      title: `Memory: 10 000 remembered tokens, before and after ${refused.refused} that were refused`,
      notes: ['Had one of them been displaced, it would cost a signature again.'],
      rows: ['before', 'after'].map((when) => ({
        when,
        'CPU µs for a token': figure(refused[when]),
      })),
    },
  ];
}
