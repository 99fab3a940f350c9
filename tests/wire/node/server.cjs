// `siskin serve` on free ports of the loopback, with the shared models if they are there and one
// that knows nothing otherwise.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const {once} = require('node:events');
const {execFileSync, spawn} = require('node:child_process');

const MODELS = path.join(process.env.SISKIN_SHARED_DIR, 'models');
const HAVE_MODELS = fs.existsSync(MODELS);
const MODEL = 'mobilenet_v2';

function linkRepository() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'siskin-wire-'));
  const script = path.join(process.env.SISKIN_SOURCE_DIR, 'deploy', 'repository', 'link.sh');
  execFileSync('bash', [script, MODELS, folder]);
  return folder;
}

// `more`: flags besides those that every test wants.
async function startServer(more = []) {
  const repository = HAVE_MODELS ? linkRepository() : null;
  const models = HAVE_MODELS ? ['--repository', repository] : ['--random-model', MODEL];
  const flags = ['--log-level', 'error', '--grpc', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...more];
  const child = spawn(
      process.env.SISKIN_BINARY, ['serve', ...flags, ...models],
      {stdio: ['ignore', 'pipe', 'inherit']});
  const exited = once(child, 'exit');
  const lines = readline.createInterface({input: child.stdout});
  const line = await Promise.race([once(lines, 'line').then(([text]) => text), exited]);
  const match = /^listening grpc=(\S+) admin=(\S+)$/.exec(line);
  if (match === null) throw new Error(`the server did not start: ${line}`);
  return {
    address: match[1],
    admin: match[2],
    // SIGTERM; resolves to the exit code.
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      if (repository !== null) fs.rmSync(repository, {recursive: true});
      return code;
    },
  };
}

// {file, index, name, models} of the sample photos that have a class.
function samplePhotos() {
  const [, ...rows] =
      fs.readFileSync(path.join(MODELS, 'images', 'labels.csv'), 'utf8').trim().split('\n');
  return rows.map((row) => row.split(','))
      .filter((row) => row[1] !== '')
      .map(([file, index, name, , , right]) =>
        ({file, index: Number(index), name, models: right.split(' ')}));
}

function readPhoto(file) {
  return fs.readFileSync(path.join(MODELS, 'images', file));
}

module.exports = {HAVE_MODELS, MODEL, readPhoto, samplePhotos, startServer};
