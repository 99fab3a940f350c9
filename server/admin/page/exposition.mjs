// The Prometheus text format (0.0.4), as far as this server writes it: lines such as
//   siskin_requests_total{model="a",code="OK"} 12
// Comments, time stamps and exemplars are left out.

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

const unescape = (text) => text.replace(/\\(.)/g, (_, c) => c === 'n' ? '\n' : c);

// "+Inf" and "-Inf" are how the format writes what JavaScript calls Infinity.
const value = (text) => Number(text.replace('Inf', 'Infinity'));

// Name of a series -> its samples, {labels, value}.
export function parseExposition(text) {
  const families = new Map();
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const labels = {};
    for (const [, name, quoted] of (match[2] ?? '').matchAll(LABEL)) labels[name] = unescape(quoted);
    if (!families.has(match[1])) families.set(match[1], []);
    families.get(match[1]).push({labels, value: value(match[3])});
  }
  return families;
}

// The sums of the samples of `name` by the value of one label, of those that `wanted` takes.
export function sumBy(families, name, label, wanted = () => true) {
  const sums = new Map();
  for (const sample of families.get(name) ?? []) {
    if (!wanted(sample.labels)) continue;
    const key = sample.labels[label] ?? '';
    sums.set(key, (sums.get(key) ?? 0) + sample.value);
  }
  return sums;
}

export function total(families, name, wanted) {
  let sum = 0;
  for (const part of sumBy(families, name, '', wanted).values()) sum += part;
  return sum;
}

// What sums have grown by. A series that was not there before began at zero; one that is gone is left
// out.
export function increases(before, now) {
  const grown = new Map();
  for (const [key, sum] of now) grown.set(key, Math.max(0, sum - (before.get(key) ?? 0)));
  return grown;
}

// Cumulative buckets, upper bound -> count, as [{bound, count}] with counts of their own.
export function separateBuckets(cumulative) {
  const bounds = [...cumulative.keys()].map(value).sort((a, b) => a - b);
  const counts = new Map([...cumulative].map(([bound, count]) => [value(bound), count]));
  let below = 0;
  return bounds.map((bound) => {
    const count = counts.get(bound) - below;
    below = counts.get(bound);
    return {bound, count};
  });
}

// The q-quantile of separate buckets by linear interpolation, as histogram_quantile() of Prometheus
// computes it: what lies in the last bucket is its lower bound. null without samples.
export function quantile(q, buckets) {
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (count === 0) return null;
  let rank = q * count;
  let lower = 0;
  for (const bucket of buckets) {
    if (rank <= bucket.count && bucket.count > 0) {
      if (bucket.bound === Infinity) return lower;
      return lower + (bucket.bound - lower) * rank / bucket.count;
    }
    rank -= bucket.count;
    lower = bucket.bound;
  }
  return lower;
}
