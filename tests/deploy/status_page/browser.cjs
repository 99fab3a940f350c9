// Debian's Chromium on the status page of a server, watched: whatever it complains about or asks from
// elsewhere is remembered.
'use strict';

const {spawn} = require('node:child_process');
const {once} = require('node:events');
const {chromium} = require('playwright-core');

function launch() {
  return chromium.launch({executablePath: process.env.SISKIN_CHROMIUM});
}

// A page on "http://ADMIN/", in a context of its own. Its `complaints` are what a developer would see
// in the console, and every request that leaves the server.
async function openPage(browser, admin, options = {}) {
  const origin = `http://${admin}`;
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, ...options});
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`)) page.complaints.push(`asked ${url}`);
  });
  await page.goto(`${origin}/`);
  return page;
}

// Requests until stop() or for `seconds`, whichever is first.
function startLoad(grpc, model, concurrency, seconds, more = []) {
  const flags = ['--server', grpc, '--model', model, '--concurrency', String(concurrency)];
  const child = spawn(process.env.SISKIN_LOAD,
      [...flags, '--warmup', '0', '--duration', String(seconds), ...more], {stdio: 'ignore'});
  const exited = once(child, 'exit');
  return {
    async stop() {
      child.kill();
      await exited;
    },
  };
}

module.exports = {launch, openPage, startLoad};
