// The status page: asks /metrics and /api/status now and then, and shows what they say.
import {Charts, summary} from './charts.mjs';
import {showChoices, showMeasurements, showModels, withoutMeasurements} from './models.mjs';
import {askJson, duration, mebibytes} from './page.mjs';
import {PhotoBox} from './photo.mjs';
import {History} from './rates.mjs';

const METRICS_MS = 2000;
const STATUS_MS = 5000;
const SUMMARY_MS = 60000;  // seldom enough not to talk over whoever reads

const byId = (id) => document.getElementById(id);
const history = new History();
const charts = new Charts(byId('tiles'), byId('plots'));
const photos = new PhotoBox();
let paused = false;
let shownModels = '';

function showState(state, text) {
  const badge = byId('state');
  badge.dataset.state = state;
  if (badge.textContent !== text) badge.textContent = text;
}

async function readMetrics() {
  const response = await fetch('/metrics');
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  history.add(performance.now() / 1000, await response.text());
  charts.show(history);
}

async function readStatus() {
  const {server, limits, models} = await askJson('/api/status');
  showState(server.ready ? 'ready' : 'failed', server.ready ? 'Ready' : 'Not ready');
  byId('build').textContent = `${server.version} · oneDNN ${server.onednn} · ${server.isa} · ` +
      `${server.lanes} ${server.lanes === 1 ? 'lane' : 'lanes'} · up ${duration(server.uptime_seconds)}`;
  byId('photo-limit').textContent = `, up to ${mebibytes(limits.max_photo_bytes)}`;
  photos.maxBytes = limits.max_photo_bytes;
  // Only what changes is drawn again: a reader's place is kept.
  const steady = JSON.stringify(withoutMeasurements(models));
  if (shownModels === steady) return showMeasurements(byId('models'), models);
  shownModels = steady;
  showModels(byId('models'), models);
  showChoices(byId('model'), models);
}

function saySummary() {
  if (history.points.length > 0) byId('summary').textContent = summary(history.points.at(-1));
}

// Calls `work` every `ms`, never twice at once, unless the page is paused or not seen.
async function repeat(work, ms) {
  if (!paused && !document.hidden) {
    try {
      await work();
    } catch (error) {
      console.error(error);
      showState('failed', 'Unreachable');
    }
  }
  setTimeout(() => repeat(work, ms), ms);
}

byId('pause').addEventListener('click', ({currentTarget}) => {
  paused = !paused;
  currentTarget.setAttribute('aria-pressed', paused);
});

repeat(readMetrics, METRICS_MS);
repeat(readStatus, STATUS_MS);
setTimeout(() => repeat(saySummary, SUMMARY_MS), SUMMARY_MS);
