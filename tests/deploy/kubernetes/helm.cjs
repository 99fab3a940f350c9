// Helm and kubectl, and what they make of the chart.
'use strict';

const path = require('node:path');
const {spawnSync} = require('node:child_process');
const yaml = require('yaml');

const SOURCE = process.env.SISKIN_SOURCE_DIR;
const CHART = path.join(SOURCE, 'deploy', 'helm', 'siskin');

function run(tool, ...args) {
  const binary = path.join(process.env.NODE_PATH, '.tools', tool, tool);  // install.cmake puts it there
  const {status, stdout, stderr} = spawnSync(binary, args, {encoding: 'utf8'});
  return {ok: status === 0, stdout, stderr};
}

// Throws what the tool says if it fails.
function output(tool, ...args) {
  const {ok, stdout, stderr} = run(tool, ...args);
  if (!ok) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

// The text of all objects. `args`: more arguments, such as --set replicas=3.
function template(...args) {
  return output('helm', 'template', 'siskin', CHART, ...args);
}

function parse(text) {
  return yaml.parseAllDocuments(text, {uniqueKeys: true})
      .map((document) => {
        if (document.errors.length > 0) throw document.errors[0];
        return document.toJS();
      })
      .filter((object) => object !== null);
}

// The only object of `kind`.
function only(objects, kind) {
  const found = objects.filter((object) => object.kind === kind);
  if (found.length !== 1) throw new Error(`expected one ${kind}, got ${found.length}`);
  return found[0];
}

module.exports = {CHART, SOURCE, only, output, parse, run, template};
