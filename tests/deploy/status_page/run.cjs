// Runs a test of this folder with Node's own runner; exits with 77, which ctest counts as skipped, if
// it cannot run.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {spawnSync} = require('node:child_process');

function missing() {
  try {
    require.resolve('playwright-core');
    require.resolve('@axe-core/playwright');
  } catch {
    return 'needs the npm packages playwright-core and @axe-core/playwright (see package.json)';
  }
  const binaries = [process.env.SISKIN_BINARY, process.env.SISKIN_LOAD, process.env.SISKIN_CHROMIUM];
  const absent = binaries.find((binary) => !fs.existsSync(binary));
  return absent === undefined ? null : `needs ${absent}`;
}

const reason = missing();
if (reason !== null) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}
const test = path.join(__dirname, process.argv[2]);
process.exit(spawnSync(process.execPath, ['--test', test], {stdio: 'inherit'}).status ?? 1);
