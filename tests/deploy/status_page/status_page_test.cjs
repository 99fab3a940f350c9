// The status page as those who use it meet it: with a mouse, with a keyboard, with a screen reader's
// view of it, in both colour schemes, under load, and with a token.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {after, afterEach, before, beforeEach, describe, it} = require('node:test');
const {AxeBuilder} = require('@axe-core/playwright');
const {HAVE_MODELS, MODEL, startServer} = require('../../wire/node/server.cjs');
const {launch, openPage, startLoad} = require('./browser.cjs');

const TOKEN = '0123456789abcdef0123456789abcdef';
const needsModels = {skip: HAVE_MODELS ? false : 'needs the shared models'};
// With real weights the photo has a known label; a network that was never trained says something.
const PHOTO = HAVE_MODELS ? shared('cat.png') :
  path.join(process.env.SISKIN_SOURCE_DIR, 'models', 'builtin', 'samples', 'dress.jpg');
const LABEL = HAVE_MODELS ? /^Egyptian cat, \d/ : /^Class \d+, \d/;

function shared(photo) {
  return path.join(process.env.SISKIN_SHARED_DIR, 'models', 'images', photo);
}

const choose = (page, model) => page.selectOption('#model', {value: `model=${model}&version=1`});
const answer = (page, text) => page.locator('#answer', {hasText: text}).waitFor();
const line = (page, title) => page.locator(`figure[aria-label="${title}"] > svg path.line`);

// The photo dropped on an element, as a browser does it.
async function drop(page, selector, file) {
  const data = await page.evaluateHandle(([base64, name]) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type: name.endsWith('.png') ? 'image/png' : 'image/jpeg'}));
    return transfer;
  }, [fs.readFileSync(file).toString('base64'), path.basename(file)]);
  for (const type of ['dragover', 'drop']) await page.dispatchEvent(selector, type, {dataTransfer: data});
}

async function seriousFaults(page) {
  const {violations} = await new AxeBuilder({page}).analyze();
  return violations.filter(({impact}) => impact === 'serious' || impact === 'critical')
      .map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html).join(', ')}`);
}

let browser;
let server;
before(async () => {
  [browser, server] = await Promise.all([launch(), startServer()]);
});
after(async () => {
  await browser.close();
  assert.equal(await server.stop(), 0);
});

describe('the status page', () => {
  let page;
  beforeEach(async () => {
    page = await openPage(browser, server.admin);
    await page.locator('#model option').first().waitFor({state: 'attached'});
  });
  afterEach(async () => {
    await page.context().close();
    assert.deepEqual(page.complaints, []);
  });

  it('answers a photo that is dropped on it', async () => {
    await choose(page, MODEL);
    await drop(page, '#drop', PHOTO);
    await answer(page, LABEL);
    assert.equal(await page.locator('#classes li').count(), 5);
    assert.match(await page.locator('#timing').textContent(), new RegExp(`^${MODEL} version 1: queue .* batch of 1$`));
    assert.equal(await page.locator('#answer-warning').isVisible(), !HAVE_MODELS);
    assert.equal(await page.locator('#preview').getAttribute('aria-label'), `The photo ${path.basename(PHOTO)}`);
  });

  it('takes a photo that misses the box', async () => {
    await choose(page, MODEL);
    await drop(page, 'h1', PHOTO);
    await answer(page, LABEL);
  });

  it('draws faces over the photo', needsModels, async () => {
    await choose(page, 'blazeface_front');
    await page.setInputFiles('#photo', shared('grace_hopper.png'));
    await answer(page, /^1 face: 9\d\.\d %$/);
    assert.equal(await page.locator('#preview').getAttribute('aria-label'), 'The photo grace_hopper.png, 1 face marked');
    const yellow = await page.locator('#preview').evaluate((canvas) => {
      const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) count += data[i] === 255 && data[i + 1] === 225 && data[i + 2] === 0;
      return count;
    });
    assert.ok(yellow > 500, `${yellow} pixels are of the colour of faces`);
  });

  it('asks another model about the same photo', needsModels, async () => {
    await choose(page, 'blazeface_front');
    await page.setInputFiles('#photo', shared('grace_hopper.png'));
    await answer(page, /^1 face/);
    await choose(page, MODEL);
    await answer(page, /^military uniform/);
  });

  it('says what is wrong with a file that is no photo', async () => {
    await page.setInputFiles('#photo', {name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no photo')});
    await answer(page, 'No answer: not an image this server reads (8 bytes): send a JPEG, PNG or WebP file');
    // The browser itself notes the answer's status.
    assert.match(page.complaints.splice(0).join('\n'), /^[^\n]*400 \(Bad Request\)$/);
  });

  it('can be used with a keyboard alone', async () => {
    const focused = () => page.evaluate(() => document.activeElement.id);
    await page.keyboard.press('Tab');  // the skip link
    await page.keyboard.press('Enter');
    assert.equal(await focused(), 'photo-section');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'model');
    await page.keyboard.type(MODEL);
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'photo');
    const outline = await page.locator('#drop').evaluate((box) => getComputedStyle(box).outlineStyle);
    assert.equal(outline, 'solid');
    // A key pressed while headless Chromium is busy does not always open the chooser.
    const choosers = [];
    page.on('filechooser', (chooser) => choosers.push(chooser));
    for (let tries = 0; choosers.length === 0 && tries < 20; ++tries) {
      await page.keyboard.press('Space');
      await page.waitForTimeout(500);
    }
    await choosers[0].setFiles(PHOTO);
    await answer(page, LABEL);
  });

  it('shows what is loaded, and why not', async () => {
    const reason = 'the checkpoint has no key "features.0.0.weight"';
    await page.route('**/api/status', async (route) => {
      const response = await route.fetch();
      const status = await response.json();
      status.models.push({name: 'broken', version: '7', state: 'failed', reason});
      await route.fulfill({response, json: status});
    });
    const broken = page.locator('#models > li', {hasText: 'broken'});
    await broken.waitFor();
    assert.match(await broken.textContent(), new RegExp(`^broken version 7failed${reason}$`));
    const served = page.locator('#models > li', {hasText: new RegExp(`^${MODEL} version 1`)});
    assert.match(await served.textContent(), /MobileNetV2.*224 × 224.*1,000 classes/);
    assert.equal(await page.locator('#model option', {hasText: 'broken'}).count(), 0);
    assert.equal(await page.locator('#state').textContent(), 'Ready');
  });

  it('sets what batches cost, and draws no model again for that', async () => {
    let ms = 41;
    await page.route('**/api/status', async (route) => {
      const response = await route.fetch();
      const status = await response.json();
      for (const model of status.models) model.costs = [{batch_size: 1, ms}];
      await route.fulfill({response, json: status});
    });
    const costs = page.locator('#models > li .costs').first();
    await page.waitForFunction(() => document.querySelector('#models .costs').textContent === '1: 41 ms');
    await costs.evaluate((shown) => { shown.dataset.kept = 'yes'; });
    ms = 42;
    await page.waitForFunction(() => document.querySelector('#models .costs').textContent === '1: 42 ms');
    assert.equal(await costs.getAttribute('data-kept'), 'yes');
  });

  it('moves its plots under load', async () => {
    const load = startLoad(server.address, MODEL, 2, 120);
    try {
      for (const title of ['Throughput', 'Latency', 'Batch size']) {
        await line(page, title).first().waitFor({state: 'attached'});  // a flat line has no height
        const first = await line(page, title).first().getAttribute('d');
        await page.waitForFunction(([title, first]) =>
          document.querySelector(`figure[aria-label="${title}"] > svg path.line`).getAttribute('d') !== first, [title, first]);
      }
      await page.locator('figure[aria-label="Batch sizes"] .bar').first().waitFor({state: 'attached'});
      await page.locator('figure[aria-label="Throughput"] summary').click();
      const table = page.locator('figure[aria-label="Throughput"] table');
      assert.match(await table.locator('thead').textContent(), new RegExp(`^When.*${MODEL}`));
      assert.match(await table.locator('tbody tr').first().textContent(), /^now\d/);
      assert.deepEqual(await seriousFaults(page), []);
    } finally {
      await load.stop();
    }
  });

  it('can be paused', async () => {
    await page.clock.install();
    await page.reload();
    await Promise.all([page.waitForRequest('**/metrics'), page.clock.runFor(10_000)]);
    await page.locator('#pause').press('Space');
    assert.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true');
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.clock.runFor(60_000);
    assert.deepEqual(asked, []);
    await page.locator('#pause').press('Space');
    await Promise.all([page.waitForRequest('**/metrics'), page.clock.runFor(10_000)]);
  });

  it('remembers the colour scheme that was chosen', async () => {
    const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    await page.getByRole('button', {name: 'Dark theme'}).click();
    assert.equal(await scheme(), 'dark');
    await page.reload();
    assert.equal(await scheme(), 'dark');
    await page.getByRole('button', {name: 'Light theme'}).click();
    assert.equal(await scheme(), 'light');
  });
});

for (const colorScheme of ['light', 'dark']) {
  describe(`the status page in its ${colorScheme} scheme`, () => {
    it('has no serious accessibility fault, and fits a narrow screen', async () => {
      const page = await openPage(browser, server.admin, {colorScheme, reducedMotion: 'reduce'});
      await page.locator('#model option').first().waitFor({state: 'attached'});
      await choose(page, MODEL);
      await page.setInputFiles('#photo', PHOTO);
      await answer(page, LABEL);
      assert.deepEqual(await seriousFaults(page), []);
      await page.setViewportSize({width: 320, height: 640});
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
      assert.deepEqual(await seriousFaults(page), []);
      await page.context().close();
      assert.deepEqual(page.complaints, []);
    });
  });
}

describe('a status page with a token', () => {
  let guarded;
  let folder;
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'siskin-token-'));
    fs.writeFileSync(path.join(folder, 'token'), `${TOKEN}\n`);
    guarded = await startServer(['--status-token-file', path.join(folder, 'token')]);
  });
  after(async () => {
    assert.equal(await guarded.stop(), 0);
    fs.rmSync(folder, {recursive: true});
  });

  it('asks for it, and lets in who knows it', async () => {
    const page = await openPage(browser, guarded.admin);
    const token = page.getByLabel('Token of this server\'s status page');
    assert.deepEqual(await seriousFaults(page), []);
    await token.fill('not the token at all');
    await token.press('Enter');
    await page.locator('#problem', {hasText: 'not the token of this server'}).waitFor();
    await token.fill(TOKEN);
    await token.press('Enter');
    await page.locator('#state', {hasText: 'Ready'}).waitFor();
    const [cookie] = await page.context().cookies();
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, 'Strict');
    assert.notEqual(cookie.value, TOKEN);
    await choose(page, MODEL);
    await page.setInputFiles('#photo', PHOTO);
    await answer(page, LABEL);
    await page.context().close();
    // The browser's own notes on the two refusals.
    assert.ok(page.complaints.every((text) => text.includes('401 (Unauthorized)')), page.complaints.join('\n'));
  });
});
