// The chart: what it refuses, what it renders, and that every object of every values file is valid.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const {describe, it} = require('node:test');
const {CHART, SOURCE, only, output, parse, run, template} = require('./helm.cjs');
const {problems} = require('./types.cjs');

const VALUES = fs.readdirSync(path.join(CHART, 'ci')).map((file) => path.join(CHART, 'ci', file));

function deployment(...args) {
  return only(parse(template(...args)), 'Deployment').spec;
}

function container(...args) {
  return deployment(...args).template.spec.containers[0];
}

describe('values files', () => {
  assert.ok(VALUES.length >= 4);
  for (const file of VALUES) {
    it(path.basename(file), async () => {
      output('helm', 'lint', '--strict', CHART, '-f', file);
      assert.deepEqual(await problems(parse(template('-f', file))), []);
    });
  }
});

describe('values.schema.json', () => {
  const rows = [
    [['--set', 'replica=3'], 'replica'],
    [['--set', 'server.drainDelays=3'], 'drainDelays'],
    [['--set', 'cores=1.5'], 'cores'],
    [['--set', 'cores=0'], 'cores'],
    [['--set-string', 'replicas=2'], 'replicas'],
    [['--set', 'memory=1G'], 'memory'],
    [['--set', 'image.digest=sha256:12'], 'digest'],
    [['--set', 'models.source=bucket'], 'source'],
    [['--set', 'models.source=image'], 'reference'],
    [['--set', 'models.source=initContainer'], 'initContainer'],
    [['--set', 'models.persistentVolumeClaim.claimName='], 'claimName'],
    [['--set', 'autoscaling.kind=vpa'], 'kind'],
    [['--set', 'networkPolicy.clients=null'], 'clients'],  // would let everybody in
    [['--set-json', 'networkPolicy.clients=[]'], 'clients'],
  ];
  for (const [args, name] of rows) {
    it(`refuses ${args[1]}`, () => {
      const {ok, stderr} = run('helm', 'template', 'siskin', CHART, ...args);
      assert.equal(ok, false);
      assert.match(stderr, /values don't meet the specifications/);
      assert.match(stderr, new RegExp(name));
    });
  }
});

describe('what is rendered', () => {
  it('has the version of the project', () => {
    const cmake = fs.readFileSync(path.join(SOURCE, 'CMakeLists.txt'), 'utf8');
    const [, version] = /project\(siskin VERSION (\S+)/.exec(cmake);
    assert.equal(container().image, `siskin:${version}`);
  });

  it('has as many lanes as cores', () => {
    const {args, resources} = container('--set', 'cores=7');
    assert.ok(args.includes('--lanes=7'));
    assert.deepEqual([resources.requests.cpu, resources.limits.cpu], ['7', '7']);
    assert.equal(container('--set', 'cpuLimit=false').resources.limits.cpu, undefined);
  });

  it('leaves time to drain', () => {
    const {template: pod} = deployment('--set', 'server.drainDelay=30,server.drainTimeout=60');
    assert.ok(pod.spec.terminationGracePeriodSeconds > 30 + 60);
  });

  it('names the image by digest rather than by tag', () => {
    const digest = `sha256:${'0a'.repeat(32)}`;
    assert.equal(container('--set', `image.tag=a,image.digest=${digest}`).image, `siskin@${digest}`);
  });

  it('leaves the number of replicas to the autoscaler', () => {
    assert.equal(deployment().replicas, 2);
    assert.equal(deployment('--set', 'autoscaling.kind=hpa').replicas, undefined);
  });

  it('puts models from each source at /models, read-only', () => {
    const sources = {
      persistentVolumeClaim: {claimName: 'siskin-models', readOnly: true},
      image: {reference: 'models:1', pullPolicy: 'IfNotPresent'},
      initContainer: {sizeLimit: '1Gi'},
    };
    const fields = {initContainer: 'emptyDir'};
    for (const [source, volume] of Object.entries(sources)) {
      const {spec} = deployment(
          '--set', `models.source=${source},models.image.reference=models:1`,
          '--set', 'models.initContainer.image=fetch:1').template;
      assert.deepEqual(spec.volumes, [{name: 'models', [fields[source] ?? source]: volume}]);
      assert.deepEqual(
          spec.containers[0].volumeMounts, [{name: 'models', mountPath: '/models', readOnly: true}]);
    }
    assert.equal(deployment('--set', 'models.source=random').template.spec.volumes, undefined);
  });

  it('selects the pods of the Deployment, and not that of the test', () => {
    const objects = parse(template('--set', 'serviceMonitor.enabled=true'));
    const {labels} = only(objects, 'Deployment').spec.template.metadata;
    const services = objects.filter(({kind}) => kind === 'Service');
    const selectors = [
      ...services.map(({spec}) => spec.selector),
      only(objects, 'PodDisruptionBudget').spec.selector.matchLabels,
      only(objects, 'NetworkPolicy').spec.podSelector.matchLabels,
      only(objects, 'Deployment').spec.selector.matchLabels,
    ];
    for (const selector of selectors) assert.deepEqual(selector, labels);
    assert.notDeepEqual({...only(objects, 'Pod').metadata.labels, ...labels},
        only(objects, 'Pod').metadata.labels);
  });

  it('lets Prometheus find one endpoint a pod', () => {
    const objects = parse(template('--set', 'serviceMonitor.enabled=true'));
    const {selector, endpoints} = only(objects, 'ServiceMonitor').spec;
    const scraped = objects.filter(({kind, metadata, spec}) => kind === 'Service' &&
        Object.entries(selector.matchLabels).every(([key, value]) => metadata.labels[key] === value) &&
        spec.ports.some(({name}) => name === endpoints[0].port));
    assert.equal(scraped.length, 1);
  });

  it('has every rule file of deploy/prometheus/rules, unchanged', () => {
    const folder = path.join(SOURCE, 'deploy', 'prometheus', 'rules');
    const groups = (files) => files.flatMap((file) => file.groups).map(({name, rules}) => [name, rules]);
    const files = fs.readdirSync(folder).filter((name) => name.endsWith('.yml'));
    assert.ok(files.length > 0);
    const written = files.flatMap((file) => parse(fs.readFileSync(path.join(folder, file), 'utf8')));
    const rendered = parse(template('--set', 'prometheusRule.enabled=true'))
        .filter(({kind}) => kind === 'PrometheusRule').map(({spec}) => spec);
    assert.deepEqual(groups(rendered), groups(written));
  });

  it('asks KEDA and the HPA for the same targets', () => {
    const set = ['--set', 'autoscaling.queueDelayMilliseconds=25,autoscaling.inFlightPercent=40'];
    const {metrics} = only(parse(template(...set, '--set', 'autoscaling.kind=hpa')),
        'HorizontalPodAutoscaler').spec;
    const {triggers} = only(parse(template(...set, '--set', 'autoscaling.kind=keda')),
        'ScaledObject').spec;
    assert.deepEqual(metrics.map(({pods}) => pods.target.averageValue), ['25m', '400m']);
    assert.deepEqual(triggers.map(({metadata}) => metadata.threshold), ['0.025', '0.4']);
  });
});
