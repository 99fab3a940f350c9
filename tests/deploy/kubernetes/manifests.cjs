// deploy/kubernetes: the chart's templates with its default values, for those without Helm.
'use strict';

const path = require('node:path');
const {SOURCE, template} = require('./helm.cjs');

const FOLDER = path.join(SOURCE, 'deploy', 'kubernetes');
const HEADER = '# Rendered from deploy/helm/siskin; `cmake --build build/release --target manifests` renders it ' +
    'again.\n';

// File: template and what switches it on.
const FILES = {
  'deployment.yaml': ['deployment.yaml'],
  'service.yaml': ['service.yaml'],
  'service-headless.yaml': ['service-headless.yaml'],
  'poddisruptionbudget.yaml': ['poddisruptionbudget.yaml'],
  'networkpolicy.yaml': ['networkpolicy.yaml'],
  'autoscaling/horizontalpodautoscaler.yaml': ['horizontalpodautoscaler.yaml', 'autoscaling.kind=hpa'],
  'autoscaling/scaledobject.yaml': ['scaledobject.yaml', 'autoscaling.kind=keda'],
  'monitoring/servicemonitor.yaml': ['servicemonitor.yaml', 'serviceMonitor.enabled=true'],
  'monitoring/prometheusrule.yaml': ['prometheusrule.yaml', 'prometheusRule.enabled=true'],
};

// Without what only Helm needs.
function plain(text) {
  return text.split('\n')
      .filter((line) => !/^ *(# Source: |app.kubernetes.io\/managed-by: |helm.sh\/chart: )/.test(line))
      .join('\n').trimEnd() + '\n';
}

// {file: text} of all of them.
function render() {
  return Object.fromEntries(Object.entries(FILES).map(([file, [name, ...set]]) => {
    const switches = set.flatMap((value) => ['--set', value]);
    const text = template('--show-only', `templates/${name}`, ...switches);
    return [file, HEADER + plain(text)];
  }));
}

module.exports = {FOLDER, render};
