// Runs the tests of this folder with Node's own runner; exits with 77, which ctest counts as
// skipped, if they cannot run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {spawnSync} = require('node:child_process');

// install.cmake leaves it once everything is in place.
if (!fs.existsSync(path.join(process.env.NODE_PATH, '.siskin-lock'))) {
  console.log('skipped: needs the npm packages of package.json');
  process.exit(77);
}
const tests = fs.readdirSync(__dirname).filter((name) => name.endsWith('_test.cjs'))
    .map((name) => path.join(__dirname, name));
process.exit(spawnSync(process.execPath, ['--test', ...tests], {stdio: 'inherit'}).status ?? 1);
