// deploy/kubernetes: in step with the chart, valid, and usable with kubectl -k.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const {describe, it} = require('node:test');
const {only, output, parse} = require('./helm.cjs');
const {FOLDER, render} = require('./manifests.cjs');
const {problems} = require('./types.cjs');

function read(file) {
  return fs.readFileSync(path.join(FOLDER, file), 'utf8');
}

describe('deploy/kubernetes', () => {
  const rendered = render();

  for (const file of Object.keys(rendered)) {
    it(`${file} is what the chart renders`, () => {
      assert.equal(read(file), rendered[file], 'cmake --build build/release --target manifests');
    });
  }

  it('is valid', async () => {
    const objects = Object.keys(rendered).flatMap((file) => parse(read(file)));
    assert.ok(objects.length >= Object.keys(rendered).length);
    assert.deepEqual(await problems(objects), []);
  });

  it('applies with kustomize', async () => {
    const objects = parse(output('kubectl', 'kustomize', FOLDER));
    assert.deepEqual(objects.map(({kind}) => kind).sort(),
        ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'Service']);
    assert.deepEqual(await problems(objects), []);
  });

  it('gives the HPA the metrics that the adapter makes', () => {
    const [{rules}] = parse(read('autoscaling/prometheus-adapter.yaml'));
    const {metrics} = only(parse(read('autoscaling/horizontalpodautoscaler.yaml')),
        'HorizontalPodAutoscaler').spec;
    assert.deepEqual(
        rules.custom.map(({name}) => name.as), metrics.map(({pods}) => pods.metric.name));
  });
});
