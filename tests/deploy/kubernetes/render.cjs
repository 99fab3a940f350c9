// Writes deploy/kubernetes again.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {FOLDER, render} = require('./manifests.cjs');

for (const [file, text] of Object.entries(render())) {
  const target = path.join(FOLDER, file);
  fs.mkdirSync(path.dirname(target), {recursive: true});
  fs.writeFileSync(target, text);
}
