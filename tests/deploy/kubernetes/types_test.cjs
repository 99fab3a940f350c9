// The checker itself: it must refuse what a cluster would refuse.
'use strict';

const assert = require('node:assert/strict');
const {describe, it} = require('node:test');
const {parse, template} = require('./helm.cjs');
const {problems} = require('./types.cjs');

const TEXT = template(
    '--set', 'autoscaling.kind=keda,serviceMonitor.enabled=true,prometheusRule.enabled=true');

it('lets good manifests pass', async () => {
  assert.deepEqual(await problems(parse(TEXT)), []);
});

describe('a manifest is refused', () => {
  const containerOf = (object) => object.spec.template.spec.containers[0];
  const rows = [
    ['with an unknown field', 'Deployment', (object) => {
      containerOf(object).readinessProb = {};
    }, /readinessProb/],
    ['with a number as text', 'Deployment', (object) => {
      containerOf(object).ports[0].containerPort = '8001';
    }, /containerPort/],
    ['without a required field', 'Deployment', (object) => {
      delete object.spec.selector;
    }, /selector/],
    ['with a quantity that is none', 'Deployment', (object) => {
      containerOf(object).resources.limits.memory = '4Gx';
    }, /memory/],
    ['of a removed version', 'PodDisruptionBudget', (object) => {
      object.apiVersion = 'policy/v1beta1';
    }, /policy\/v1beta1/],
    ['with an unknown field of KEDA', 'ScaledObject', (object) => {
      object.spec.minReplicas = 2;
    }, /minReplicas/],
    ['with an unknown field of a rule', 'PrometheusRule', (object) => {
      object.spec.groups[0].rules[0].severity = 'page';
    }, /severity/],
    ['with a bad duration', 'ServiceMonitor', (object) => {
      object.spec.endpoints[0].interval = 'often';
    }, /interval/],
  ];
  for (const [what, kind, damage, message] of rows) {
    it(what, async () => {
      const object = parse(TEXT).find((candidate) => candidate.kind === kind);
      damage(object);
      const found = await problems([object]);
      assert.notEqual(found.length, 0);
      assert.match(found[0], message);
    });
  }
});
