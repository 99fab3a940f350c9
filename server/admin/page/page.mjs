// What all parts of the page use: elements, numbers as people read them, questions to the server.

// element('p', {class: 'muted'}, 'text', child, ...). No attribute runs or styles anything.
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svgElement(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Three significant digits at most, and no unit: 0.123, 4.56, 78.9, 1234.
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const digits = value === 0 ? 0 : Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString('en', {maximumFractionDigits: digits});
}

export function milliseconds(seconds) {
  if (seconds === null) return '–';
  return seconds < 1 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`;
}
export const percent = (fraction) => fraction === null ? '–' : `${number(fraction * 100)} %`;
export const mebibytes = (bytes) => `${number(bytes / 2 ** 20)} MiB`;

export function duration(seconds) {
  const units = [['d', 86400], ['h', 3600], ['min', 60]];
  for (const [name, size] of units) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${Math.floor(seconds)} s`;
}

// The answer to a question, or an Error in the server's words. Where a session has ended, the page
// shows the login form.
export async function askJson(url, options = {}) {
  const response = await fetch(url, {
    ...options, headers: {'X-Requested-With': 'siskin', ...options.headers},
  });
  const text = await response.text();
  if (response.ok) return response.headers.get('Content-Type') === 'application/json' ? JSON.parse(text) : text;
  if (response.status === 401 && url !== '/api/session') location.reload();
  let message = `the server answered with HTTP status ${response.status}`;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // Not of our server: a proxy's page, say.
  }
  throw new Error(message);
}
