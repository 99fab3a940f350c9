// deploy/envoy/envoy.yaml against Envoy's own messages. Envoy itself is not at hand, so nothing runs.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const {describe, it} = require('node:test');
const protobuf = require('protobufjs');
const yaml = require('yaml');
const {Checker} = require('./proto_json.cjs');

const DEPS = path.join('@grpc', 'grpc-js-xds', 'deps');
const FOLDERS = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']
    .map((name) => path.join(process.env.NODE_PATH, DEPS, name))
    .concat(path.join(process.env.NODE_PATH, 'protobufjs'));  // google/protobuf
const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap';
// Of the bootstrap, and of what it holds as Any.
const FILES = [
  'envoy/config/bootstrap/v3/bootstrap.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
];

function load() {
  const root = new protobuf.Root();
  root.resolvePath = (_, file) => FOLDERS.map((folder) => path.join(folder, file))
      .find(fs.existsSync) ?? file;
  return root.loadSync(FILES, {keepCase: true}).resolveAll();
}

const checker = new Checker(load());
const file = path.join(process.env.SISKIN_SOURCE_DIR, 'deploy', 'envoy', 'envoy.yaml');
const read = () => yaml.parse(fs.readFileSync(file, 'utf8'), {uniqueKeys: true});

describe('deploy/envoy/envoy.yaml', () => {
  it('is a bootstrap of Envoy', () => {
    assert.deepEqual(checker.problems(BOOTSTRAP, read()), []);
  });

  it('has a cluster for every route', () => {
    const {listeners, clusters} = read().static_resources;
    const manager = listeners[0].filter_chains[0].filters[0].typed_config;
    const routes = manager.route_config.virtual_hosts.flatMap((host) => host.routes);
    assert.deepEqual(routes.map(({route}) => route.cluster), clusters.map(({name}) => name));
  });

  const rows = [
    ['an unknown field', (cluster) => cluster.health_check = [], /no field 'health_check'/],
    ['an unknown value', (cluster) => cluster.lb_policy = 'FAIREST', /LEAST_REQUEST/],
    ['a number for a duration', (cluster) => cluster.connect_timeout = 1, /seconds/],
    ['text for a number', (cluster) => {
      cluster.outlier_detection.consecutive_5xx = '5';
    }, /consecutive_5xx: expected a number/],
    ['two of a kind', (cluster) => cluster.cluster_type = {name: 'x'}, /only one of/],
    ['an unknown field in an Any', (cluster) => {
      Object.values(cluster.typed_extension_protocol_options)[0].http2 = {};
    }, /no field 'http2'/],
  ];
  for (const [what, damage, message] of rows) {
    it(`would be refused with ${what}`, () => {
      const config = read();
      damage(config.static_resources.clusters[0]);
      assert.match(checker.problems(BOOTSTRAP, config).join('\n'), message);
    });
  }
});
