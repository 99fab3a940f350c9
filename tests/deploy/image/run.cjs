// Runs files_test.cjs with Node's own runner; exits with 77, which ctest counts as skipped, without
// the packages of package.json.
'use strict';

const path = require('node:path');
const {spawnSync} = require('node:child_process');
const {dependencies} = require('./package.json');

try {
  Object.keys(dependencies).forEach((name) => require.resolve(name));
} catch {
  console.log('skipped: needs the npm packages of tests/deploy/image/package.json');
  process.exit(77);
}
const test = path.join(__dirname, 'files_test.cjs');
process.exit(spawnSync(process.execPath, ['--test', test], {stdio: 'inherit'}).status ?? 1);
