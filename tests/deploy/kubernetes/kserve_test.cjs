// deploy/kserve: valid, and its parts fit together.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const {describe, it} = require('node:test');
const {SOURCE, only, parse, template} = require('./helm.cjs');
const {problems} = require('./types.cjs');

const FOLDER = path.join(SOURCE, 'deploy', 'kserve');
const read = () => fs.readdirSync(FOLDER)
    .flatMap((file) => parse(fs.readFileSync(path.join(FOLDER, file), 'utf8')));
const container = (runtime) => runtime.spec.containers[0];

describe('deploy/kserve', () => {
  it('is valid', async () => {
    assert.deepEqual(await problems(read()), []);
  });

  it('asks for what the runtime offers', () => {
    const {metadata, spec} = only(read(), 'ServingRuntime');
    const {model} = only(read(), 'InferenceService').spec.predictor;
    assert.equal(model.runtime, metadata.name);
    assert.ok(spec.protocolVersions.includes(model.protocolVersion));
    assert.ok(spec.supportedModelFormats.some(({name}) => name === model.modelFormat.name));
  });

  it('scales the Deployment of the service', () => {
    const {name} = only(read(), 'InferenceService').metadata;
    assert.equal(only(read(), 'ScaledObject').spec.scaleTargetRef.name, `${name}-predictor`);
  });

  it('has the container of the chart', () => {
    const ours = container(only(read(), 'ServingRuntime'));
    const chart = only(parse(template()), 'Deployment').spec.template.spec.containers[0];
    for (const field of ['image', 'livenessProbe', 'readinessProbe', 'resources']) {
      assert.deepEqual(ours[field], chart[field], field);
    }
  });

  const rows = [
    ['ServingRuntime', (runtime) => container(runtime).name = 'siskin', /kserve-container/],
    ['ServingRuntime', (runtime) => container(runtime).readinessProb = {}, /readinessProb/],
    ['ServingRuntime', (runtime) => runtime.spec.multimodel = true, /multimodel/],
    ['InferenceService', ({spec}) => spec.predictor.model.protocolVersion = 'grpc', /protocolVersion/],
    ['InferenceService', ({spec}) => spec.predictor.model.storageURI = 'x', /storageURI/],
  ];
  for (const [kind, damage, message] of rows) {
    it(`would be refused for ${message.source}`, async () => {
      const object = only(read(), kind);
      damage(object);
      assert.match((await problems([object])).join('\n'), message);
    });
  }
});
