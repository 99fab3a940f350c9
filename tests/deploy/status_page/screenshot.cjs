// Takes docs/images/status-page.png and status-page-dark.png during load: three of the sample models
// for a minute and a half, and a photo with faces. `make screenshot` runs it.
'use strict';

const path = require('node:path');
const {startServer} = require('../../wire/node/server.cjs');
const {launch, openPage, startLoad} = require('./browser.cjs');

const IMAGES = path.join(process.env.SISKIN_SHARED_DIR, 'models', 'images');
const LOAD_SECONDS = 90;
const PHOTOS = ['cat.png', 'bird.png', 'parrot.jpg'].flatMap((name) => ['--image', path.join(IMAGES, name)]);

async function photograph(page, name) {
  const height = await page.locator('#photo-section').evaluate((end) => Math.ceil(end.getBoundingClientRect().bottom + 32));
  await page.screenshot({
    path: path.join(process.env.SISKIN_SOURCE_DIR, 'docs', 'images', name),
    fullPage: true, clip: {x: 0, y: 0, width: 1280, height},
  });
}

async function main() {
  const server = await startServer();
  const browser = await launch();
  const pages = await Promise.all(['light', 'dark'].map((colorScheme) => openPage(browser, server.admin, {colorScheme})));
  const load = [['mobilenet_v2', 3], ['mobilenet_v1_025', 2], ['shufflenet_v1_g8', 2]].map(([model, concurrency]) =>
    startLoad(server.address, model, concurrency, 2 * LOAD_SECONDS, ['--payload', 'image', ...PHOTOS]));
  await pages[0].waitForTimeout(1000 * LOAD_SECONDS);
  for (const page of pages) {
    await page.selectOption('#model', {value: 'model=blazeface_back&version=1'});
    await page.setInputFiles('#photo', path.join(IMAGES, 'face.jpg'));
    await page.locator('#answer', {hasText: 'face'}).waitFor();
  }
  await photograph(pages[0], 'status-page.png');
  await photograph(pages[1], 'status-page-dark.png');
  await browser.close();
  await Promise.all(load.map((one) => one.stop()));
  await server.stop();
}

main();
