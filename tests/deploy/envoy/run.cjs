// Runs the test of this folder; exits with 77, which ctest counts as skipped, without its packages.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {spawnSync} = require('node:child_process');

if (!fs.existsSync(path.join(process.env.NODE_PATH, '.siskin-lock'))) {
  console.log('skipped: needs the npm packages of package.json');
  process.exit(77);
}
const test = path.join(__dirname, 'envoy_test.cjs');
process.exit(spawnSync(process.execPath, ['--test', test], {stdio: 'inherit'}).status ?? 1);
