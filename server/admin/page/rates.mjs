// From readings of /metrics to what the plots show: rates, percentiles and means over a short window
// before each reading, five minutes of them. No DOM here.
import {increases, parseExposition, quantile, separateBuckets, sumBy, total} from './exposition.mjs';

export const SPAN_SECONDS = 300;
const WINDOW_SECONDS = 10;
const BATCH_SIZE_SECONDS = 60;

export class History {
  points = [];  // {time, throughput, latency, batch, queue, lanes, errors}, the oldest first
  #readings = [];  // {time, families}, as far back as a window may need

  // `time` in seconds, of any origin. The first reading after a start of the server makes no point.
  add(time, text) {
    const families = parseExposition(text);
    if (this.#restarted(families)) this.#readings = [];
    this.#readings.push({time, families});
    while (this.#readings[0].time < time - BATCH_SIZE_SECONDS) this.#readings.shift();
    const before = this.#before(time - WINDOW_SECONDS);
    if (before !== null) this.points.push(describe(before, this.#readings.at(-1)));
    while (this.points.length > 0 && this.points[0].time < time - SPAN_SECONDS) this.points.shift();
  }

  // How many batches were of which size lately: [{bound, count}], the bound inclusive.
  batchSizes() {
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    return first === undefined ? [] : buckets(first, last, 'siskin_batch_size_bucket');
  }

  #restarted(families) {
    const start = ({families}) => total(families, 'process_start_time_seconds');
    const last = this.#readings.at(-1);
    return last !== undefined && start(last) !== start({families});
  }

  // The newest reading that is old enough, or the oldest but the last.
  #before(time) {
    const earlier = this.#readings.slice(0, -1);
    return earlier.findLast((reading) => reading.time <= time) ?? earlier[0] ?? null;
  }
}

function describe(before, now) {
  const seconds = now.time - before.time;
  const grown = (name, label, wanted) =>
    increases(sumBy(before.families, name, label, wanted), sumBy(now.families, name, label, wanted));
  const sum = (map) => [...map.values()].reduce((a, b) => a + b, 0);
  const images = grown('siskin_batch_size_sum', 'model');
  const batches = grown('siskin_batch_size_count', 'model');
  const answered = buckets(before, now, 'siskin_request_duration_seconds_bucket', ({code}) => code === 'OK');
  return {
    time: now.time,
    throughput: mapValues(images, (count) => count / seconds),
    latency: {p50: quantile(0.5, answered), p95: quantile(0.95, answered), p99: quantile(0.99, answered)},
    batch: mapValues(images, (count, model) => count === 0 ? null : count / batches.get(model)),
    queue: mapValues(sumBy(now.families, 'siskin_queue_depth', 'model'), (depth) => depth),
    lanes: laneUse([...grown('siskin_lane_busy_seconds_total', 'lane').values()], seconds),
    totals: {
      throughput: sum(images) / seconds,
      batch: sum(batches) === 0 ? null : sum(images) / sum(batches),
      waiting: total(now.families, 'siskin_queue_depth'),
      inFlight: total(now.families, 'siskin_requests_in_flight'),
      errors: sum(grown('siskin_requests_total', '', ({code}) => code !== 'OK')) / seconds,
    },
  };
}

function laneUse(busy, seconds) {
  if (busy.length === 0) return {busiest: null, mean: null, idlest: null};
  const use = busy.map((time) => Math.min(1, time / seconds));
  return {
    busiest: Math.max(...use),
    mean: use.reduce((a, b) => a + b) / use.length,
    idlest: Math.min(...use),
  };
}

function buckets(before, now, name, wanted) {
  const cumulative = (reading) => sumBy(reading.families, name, 'le', wanted);
  return separateBuckets(increases(cumulative(before), cumulative(now)));
}

function mapValues(map, change) {
  return Object.fromEntries([...map].map(([key, value]) => [key, change(value, key)]));
}
