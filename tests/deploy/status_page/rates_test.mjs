// The arithmetic behind the plots: the text format, rates, percentiles.
import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import {increases, parseExposition, quantile, separateBuckets, sumBy, total}
  from '../../../server/admin/page/exposition.mjs';
import {History} from '../../../server/admin/page/rates.mjs';

describe('parseExposition', () => {
  it('reads samples with and without labels, and no comments', () => {
    const families = parseExposition(
        '# HELP a_total What {b="c"} 1\n# TYPE a_total counter\na_total{b="c",d="e"} 12\nup 1.5e3\n\n');
    assert.deepEqual([...families.keys()], ['a_total', 'up']);
    assert.deepEqual(families.get('a_total'), [{labels: {b: 'c', d: 'e'}, value: 12}]);
    assert.deepEqual(families.get('up'), [{labels: {}, value: 1500}]);
  });

  it('reads what is escaped in a label, braces and commas included', () => {
    const families = parseExposition(String.raw`a{b="\"x\\y\n",c="}, d=\""} 1`);
    assert.deepEqual(families.get('a')[0].labels, {b: '"x\\y\n', c: '}, d="'});
  });

  it('reads infinite values', () => {
    assert.equal(parseExposition('a +Inf').get('a')[0].value, Infinity);
    assert.equal(parseExposition('a -Inf').get('a')[0].value, -Infinity);
  });
});

describe('sums', () => {
  const families = parseExposition(
      'a{m="x",code="OK"} 1\na{m="x",code="BAD"} 2\na{m="y",code="OK"} 4\n');

  it('are by one label, over all others', () => {
    assert.deepEqual([...sumBy(families, 'a', 'm')], [['x', 3], ['y', 4]]);
    assert.deepEqual([...sumBy(families, 'a', 'm', ({code}) => code === 'OK')], [['x', 1], ['y', 4]]);
    assert.equal(total(families, 'a'), 7);
    assert.equal(total(families, 'absent'), 0);
  });

  it('grow from zero where a series is new, and never shrink', () => {
    const grown = increases(new Map([['x', 3], ['gone', 9]]), new Map([['x', 5], ['new', 2]]));
    assert.deepEqual([...grown], [['x', 2], ['new', 2]]);
    assert.deepEqual([...increases(new Map([['x', 3]]), new Map([['x', 1]]))], [['x', 0]]);
  });
});

describe('quantile', () => {
  const buckets = (...counts) =>
    counts.map((count, i) => ({bound: [0.01, 0.02, 0.05, Infinity][i], count}));

  it('interpolates inside a bucket', () => {
    assert.equal(quantile(0.5, buckets(10, 0, 0, 0)), 0.005);
    assert.equal(quantile(0.5, buckets(10, 10, 0, 0)), 0.01);
    assert.ok(Math.abs(quantile(0.75, buckets(10, 10, 0, 0)) - 0.015) < 1e-12);
    assert.ok(Math.abs(quantile(0.99, buckets(50, 0, 50, 0)) - 0.0494) < 1e-12);
  });

  it('is the last finite bound above it, and nothing without samples', () => {
    assert.equal(quantile(0.9, buckets(1, 0, 0, 9)), 0.05);
    assert.equal(quantile(0.5, buckets(0, 0, 0, 0)), null);
    assert.equal(quantile(0.5, []), null);
  });

  it('takes buckets apart in the order of their bounds', () => {
    const cumulative = new Map([['+Inf', 7], ['0.5', 3], ['10', 6], ['2', 3]]);
    assert.deepEqual(separateBuckets(cumulative), [
      {bound: 0.5, count: 3}, {bound: 2, count: 0}, {bound: 10, count: 3}, {bound: Infinity, count: 1},
    ]);
  });
});

// What a server says that has computed so many images of "a", in batches of two, each in 15 ms.
function exposition(images, {start = 1, errors = 0} = {}) {
  return `process_start_time_seconds ${start}
siskin_batch_size_bucket{model="a",le="1"} 0
siskin_batch_size_bucket{model="a",le="2"} ${images / 2}
siskin_batch_size_bucket{model="a",le="+Inf"} ${images / 2}
siskin_batch_size_sum{model="a"} ${images}
siskin_batch_size_count{model="a"} ${images / 2}
siskin_batch_size_sum{model="b"} 0
siskin_batch_size_count{model="b"} 0
siskin_requests_total{model="a",code="OK"} ${images}
siskin_requests_total{model="a",code="NOT_FOUND"} ${errors}
siskin_request_duration_seconds_bucket{model="a",code="OK",le="0.01"} 0
siskin_request_duration_seconds_bucket{model="a",code="OK",le="0.02"} ${images}
siskin_request_duration_seconds_bucket{model="a",code="OK",le="+Inf"} ${images}
siskin_request_duration_seconds_bucket{model="a",code="NOT_FOUND",le="+Inf"} ${errors}
siskin_queue_depth{model="a"} 3
siskin_lane_busy_seconds_total{lane="0"} ${images / 100}
siskin_lane_busy_seconds_total{lane="1"} ${images / 200}
`;
}

describe('History', () => {
  it('makes points of what has grown in the last ten seconds', () => {
    const history = new History();
    history.add(100, exposition(50));
    assert.deepEqual(history.points, []);
    for (let i = 1; i <= 10; ++i) history.add(100 + 2 * i, exposition(50 + 100 * i, {errors: 6 * i}));
    const point = history.points.at(-1);
    assert.equal(history.points.length, 10);
    assert.equal(point.time, 120);
    assert.deepEqual(point.throughput, {a: 50, b: 0});
    assert.deepEqual(point.batch, {a: 2, b: null});
    assert.equal(point.latency.p50, 0.015);
    assert.ok(Math.abs(point.latency.p99 - 0.0199) < 1e-12);
    assert.deepEqual(point.queue, {a: 3});
    assert.deepEqual(point.lanes, {busiest: 0.5, mean: 0.375, idlest: 0.25});
    assert.equal(point.totals.errors, 3);
    assert.equal(point.totals.throughput, 50);
    assert.deepEqual(history.batchSizes().map(({count}) => count), [0, 500, 0]);
  });

  it('says nothing where nothing happened', () => {
    const history = new History();
    history.add(0, exposition(50));
    history.add(2, exposition(50));
    const {latency, totals, batch} = history.points[0];
    assert.deepEqual(latency, {p50: null, p95: null, p99: null});
    assert.equal(totals.batch, null);
    assert.equal(batch.a, null);
  });

  it('starts anew with a new process', () => {
    const history = new History();
    history.add(0, exposition(1000));
    history.add(2, exposition(4, {start: 2}));
    assert.equal(history.points.length, 0);
    history.add(4, exposition(8, {start: 2}));
    assert.equal(history.points[0].throughput.a, 2);
  });

  it('keeps five minutes', () => {
    const history = new History();
    for (let i = 0; i < 400; ++i) history.add(i, exposition(2 * i));
    assert.equal(history.points[0].time, 99);
    assert.equal(history.points.at(-1).time, 399);
  });
});
