// The queries that scale: promtool computes them over made-up series of two pods.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {describe, it} = require('node:test');
const {spawnSync} = require('node:child_process');
const yaml = require('yaml');
const {only, parse, template} = require('./helm.cjs');
const {FOLDER} = require('./manifests.cjs');

const promtool = {skip: spawnSync('promtool', ['--version']).error ? 'needs promtool' : false};
const [DELAY_NAME, SHARE_NAME] = ['siskin_queue_delay_seconds', 'siskin_in_flight_share'];

// Four samples, 15 s apart. Pod a: 10 images a sample that waited 0.2 s each, 512 requests of 1024.
// Pod b: idle.
function series(name, pod, values) {
  return {series: `${name}{namespace="default",service="siskin",pod="${pod}"}`, values};
}
const SERIES = [
  series('siskin_queue_duration_seconds_sum', 'a', '0+2x8'),
  series('siskin_queue_duration_seconds_count', 'a', '0+10x8'),
  series('siskin_queue_duration_seconds_sum', 'b', '5x8'),
  series('siskin_queue_duration_seconds_count', 'b', '7x8'),
  series('siskin_requests_in_flight', 'a', '512x8'),
  series('siskin_requests_in_flight', 'b', '0x8'),
  series('siskin_requests_in_flight_limit', 'a', '1024x8'),
  series('siskin_requests_in_flight_limit', 'b', '1024x8'),
];

// Asserts that `expr` gives `samples`, [{labels, value}].
function evaluates(input, expr, samples) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'siskin-queries-'));
  const file = path.join(folder, 'test.yml');
  fs.writeFileSync(file, yaml.stringify({
    tests: [{
      interval: '15s',
      input_series: input,
      promql_expr_test: [{expr: `round(${expr}, 0.001)`, eval_time: '2m', exp_samples: samples}],
    }],
  }));
  const {status, stdout, stderr} = spawnSync('promtool', ['test', 'rules', file], {encoding: 'utf8'});
  fs.rmSync(folder, {recursive: true});
  assert.equal(status, 0, stdout + stderr);
}

describe('KEDA', promtool, () => {
  const {triggers} = only(parse(template('--set', 'autoscaling.kind=keda')), 'ScaledObject').spec;
  const [delay, share] = triggers.map(({metadata}) => metadata.query);
  const one = (value) => [{labels: '{}', value}];

  it('gets one mean delay', () => evaluates(SERIES, delay, one(0.2)));
  it('gets one sum of shares', () => evaluates(SERIES, share, one(0.5)));
  it('gets zero without traffic', () => {
    const idle = SERIES.filter(({series}) => series.includes('pod="b"'));
    evaluates(idle, delay, one(0));
    evaluates(idle, share, one(0));
    evaluates([], delay, one(0));
    evaluates([], share, one(0));
  });
});

describe('prometheus-adapter', promtool, () => {
  const file = path.join(FOLDER, 'autoscaling', 'prometheus-adapter.yaml');
  const [{rules}] = parse(fs.readFileSync(file, 'utf8'));
  const query = (name) => rules.custom.find((rule) => rule.name.as === name).metricsQuery
      .replaceAll('<<.LabelMatchers>>', 'namespace="default",pod=~"a|b"')
      .replaceAll('<<.GroupBy>>', 'pod');
  const each = (a, b) => [{labels: '{pod="a"}', value: a}, {labels: '{pod="b"}', value: b}];

  it('gives a delay for each pod, idle ones too', () => {
    evaluates(SERIES, query(DELAY_NAME), each(0.2, 0));
  });
  it('gives a share for each pod', () => evaluates(SERIES, query(SHARE_NAME), each(0.5, 0)));
});
