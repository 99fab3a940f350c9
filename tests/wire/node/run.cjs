// Runs the tests of this folder with Node's own runner; exits with 77, which ctest counts as
// skipped, if they cannot run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {spawnSync} = require('node:child_process');

function missing() {
  try {
    require.resolve('@grpc/grpc-js');
    require.resolve('@grpc/proto-loader');
  } catch {
    return 'needs the npm packages @grpc/grpc-js and @grpc/proto-loader (see package.json)';
  }
  const binary = process.env.SISKIN_BINARY;
  return fs.existsSync(binary) ? null : `needs ${binary}: build the target siskin`;
}

const reason = missing();
if (reason !== null) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}
const test = path.join(__dirname, 'classify_test.cjs');
process.exit(spawnSync(process.execPath, ['--test', test], {stdio: 'inherit'}).status ?? 1);
