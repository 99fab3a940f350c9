// The plots and numbers of the page, and which of the history's values each one shows.
import {element, milliseconds, number, percent} from './page.mjs';
import {BarPlot, COLORS, LinePlot} from './plots.mjs';
import {SPAN_SECONDS} from './rates.mjs';

const TILES = [
  ['Throughput', ({totals}) => number(totals.throughput), 'images/s'],
  ['Median latency', ({latency}) => milliseconds(latency.p50), 'of good answers'],
  ['99th percentile', ({latency}) => milliseconds(latency.p99), 'of good answers'],
  ['Mean batch', ({totals}) => number(totals.batch), 'images'],
  ['Lanes busy', ({lanes}) => percent(lanes.mean), 'of their time'],
  ['In flight', ({totals}) => number(totals.inFlight), 'requests'],
  ['Waiting', ({totals}) => number(totals.waiting), 'images'],
  ['Errors', ({totals}) => number(totals.errors), 'requests/s'],
];
const PERCENTILES = {p50: 'median', p95: '95th percentile', p99: '99th percentile'};
const LANES = {busiest: 'busiest', mean: 'mean', idlest: 'idlest'};

export class Charts {
  #colors = new Map();  // a model keeps its colour in all plots

  constructor(tiles, plots) {
    this.tiles = TILES.map(([name, read, unit]) => {
      const value = element('dd', {}, '–');
      tiles.append(element('div', {class: 'card'}, element('dt', {}, name), value, element('dd', {class: 'muted'}, unit)));
      return {value, read};
    });
    this.throughput = new LinePlot(plots, {title: 'Throughput', unit: 'images a second', format: number});
    this.latency = new LinePlot(plots, {title: 'Latency', unit: 'arrival to answer', format: milliseconds});
    this.batch = new LinePlot(plots, {title: 'Batch size', unit: 'mean images a batch', format: number});
    this.sizes = new BarPlot(plots, {title: 'Batch sizes', unit: 'share in the last minute', format: percent});
    this.queue = new LinePlot(plots, {title: 'Queue', unit: 'images waiting', format: number});
    this.lanes = new LinePlot(plots, {title: 'Lanes', unit: 'share of time busy', format: percent, largest: 1});
  }

  show(history) {
    const {points} = history;
    if (points.length === 0) return;
    for (const {value, read} of this.tiles) value.textContent = read(points.at(-1));
    const times = points.map((point) => point.time);
    const span = Math.min(SPAN_SECONDS, Math.ceil((times.at(-1) - times[0]) / 60 + 0.01) * 60);
    const show = (plot, lines) => plot.show(times, lines, span);
    show(this.throughput, this.#byModel(points, 'throughput'));
    show(this.latency, fixedLines(points, 'latency', PERCENTILES));
    show(this.batch, this.#byModel(points, 'batch'));
    show(this.queue, this.#byModel(points, 'queue'));
    show(this.lanes, fixedLines(points, 'lanes', LANES));
    this.sizes.show(sizeBars(history.batchSizes()));
  }

  // A line for each model that has worked in the time shown.
  #byModel(points, key) {
    const models = new Set(points.flatMap((point) =>
      Object.keys(point.throughput).filter((model) => point.throughput[model] > 0)));
    return [...models].sort().map((name) => ({
      name, color: this.#color(name), values: points.map((point) => point[key][name] ?? null),
    }));
  }

  #color(model) {
    if (!this.#colors.has(model)) this.#colors.set(model, this.#colors.size % COLORS);
    return this.#colors.get(model);
  }
}

function fixedLines(points, key, names) {
  return Object.entries(names).map(([part, name], color) =>
    ({name, color, values: points.map((point) => point[key][part])}));
}

// [{bound, count}] -> the share of each size: "1", "2", "3–4", "5–8", ... up to the largest seen.
function sizeBars(buckets) {
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const seen = buckets.findLastIndex((bucket) => bucket.count > 0);
  return buckets.slice(0, Math.max(seen + 1, 4)).map(({bound, count: own}, i) => {
    const least = (i === 0 ? 0 : buckets[i - 1].bound) + 1;
    const name = bound === Infinity ? `${least}+` : least === bound ? `${bound}` : `${least}–${bound}`;
    return {name, value: count === 0 ? 0 : own / count};
  });
}

// One sentence for who listens.
export function summary({totals, latency, lanes}) {
  if (totals.throughput === 0) return 'No images in the last seconds.';
  return `${number(totals.throughput)} images a second, median latency ${milliseconds(latency.p50)}, ` +
      `99th percentile ${milliseconds(latency.p99)}, lanes ${percent(lanes.mean)} busy, ` +
      `${number(totals.errors)} errors a second.`;
}
