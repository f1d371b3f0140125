/**
 * Takes one sample of every contestant a round, in a new order each round: what the machine does
 * meanwhile hits all of them. `take` answers numbers by name; so does this, with one for each round.
 */
export async function interleave(rounds, contestants, take) {
  const samples = new Map(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of shuffled(contestants)) {
      samples.get(contestant).push(await take(contestant, round));
    }
  }
  return samples;
}

/**
 * Sums up: for every contestant by name and every number the median, and as `times` the median of
 * its ratio to the reference in the same round; for `wall` the quartiles of that too.
 */
export function summarise(samples, reference) {
  const base = samples.get(reference);
  const summary = {};
  for (const [{ name }, taken] of samples) {
    summary[name] = {};
    for (const metric of Object.keys(taken[0])) {
      const ratios = taken.map((sample, round) => sample[metric] / base[round][metric]);
      summary[name][metric] = {
        median: quantile(taken.map((sample) => sample[metric])),
        times: quantile(ratios),
        ...(metric === 'wall' && { low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) }),
      };
    }
  }
  return summary;
}

export function quantile(numbers, at = 0.5) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const place = (sorted.length - 1) * at;
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place - Math.floor(place));
}

function shuffled(list) {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
