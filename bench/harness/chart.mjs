const width = 760;
const left = 250;
const right = 90;
const bar = 18;
const gap = 6;

/** The parts of a run that a reader wants first, as an SVG that reads on light and on dark. */
export function chartOf({ machine, parts }) {
  const panels = [
    {
      title: 'A token seen before: µs for the whole decision (100 tokens, one at a time)',
      bars: barsOf(parts.hot?.data[100], ({ wall }) => wall.median),
      unit: ' µs',
    },
    {
      title: 'A token never seen: µs of the event loop (RS256, 64 in flight)',
      bars: barsOf(parts.cold?.data.RS256['64 in flight'], ({ loop }) => loop.median),
      unit: ' µs',
    },
    ...[
      ['Express 5', 'express'],
      ['Fastify 5', 'fastify'],
    ].map(([name, framework]) => ({
      title: `${name}: requests per second, in % of the same server without auth`,
      bars: barsOf(parts.http?.data[framework].hot, ({ share }) => share * 100).reverse(),
      unit: ' %',
      whole: 100,
    })),
  ].filter(({ bars }) => bars.length > 0);
  let y = 10;
  const drawn = panels.map((panel) => {
    const text = draw(panel, y);
    y += 34 + panel.bars.length * (bar + gap) + 16;
    return text;
  });
  const { node, processor } = machine;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 16}" width="${width}" role="img" aria-label="sallyport and its peers, measured">`,
    style,
    ...drawn,
    `<text class="small" x="10" y="${y + 4}">${escaped(`${node}, ${processor}; all numbers in bench/RESULTS.md`)}</text>`,
    '</svg>',
  ].join('\n')}\n`;
}

const style = `<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .bar { fill: #b1bac4 }
  .own { fill: #1a7f64 }
  .floor { fill: #d8dee4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .bar { fill: #59636e }
    .own { fill: #3fb998 }
    .floor { fill: #373e47 }
  }
</style>`;

// Without the parts that only say how exact the rest is.
const aside = /^(floor: nothing|no auth|floor: OpenSSL alone)/;

function barsOf(summary, read) {
  return Object.entries(summary ?? {})
    .filter(([name]) => !aside.test(name))
    .map(([name, row]) => ({ name, value: read(row) }))
    .sort((a, b) => a.value - b.value);
}

function draw({ title, bars, unit, whole }, top) {
  const room = width - left - right;
  const scale = room / (whole ?? longest(bars));
  const lines = bars.map(({ name, value }, i) => {
    const y = top + 30 + i * (bar + gap);
    const kind = name.startsWith('sallyport') ? 'own' : name.startsWith('floor') ? 'floor' : 'bar';
    const length = Math.max(1, Math.min(value * scale, room)).toFixed(1);
    const shown = value >= 100 || whole ? value.toFixed(0) : value.toFixed(1);
    const cut = value * scale > room * 1.05 ? ' →' : '';
    return [
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${kind}" x="${left}" y="${y}" width="${length}" height="${bar}" rx="2"/>`,
      `<text x="${(left + Number(length) + 6).toFixed(1)}" y="${y + 13}">${shown}${unit}${cut}</text>`,
    ].join('\n');
  });
  return [`<text class="title" x="10" y="${top + 16}">${escaped(title)}</text>`, ...lines].join(
    '\n',
  );
}

// One far off would leave nothing to see of the others: its bar is cut.
function longest(bars) {
  const [first, second = 0] = bars.map(({ value }) => value).sort((a, b) => b - a);
  return first > 2.5 * second && second > 0 ? second : first;
}

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
