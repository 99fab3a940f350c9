// Two plots of SVG: lines over the last minutes, and bars. Each is a figure with a legend that says
// the newest values in words, and a table for who cannot or will not look at it.
import {element, svgElement} from './page.mjs';

const HEIGHT = 168;
const MARGIN = {left: 56, right: 8, top: 10, bottom: 22};
export const COLORS = 8;  // .series-0 ... .series-7 of status.css

class Plot {
  constructor(parent, {title, unit, format}) {
    this.format = format;
    this.unit = unit;
    this.legend = element('ul', {class: 'legend'});
    this.svg = svgElement('svg', {height: HEIGHT, 'aria-hidden': 'true', focusable: 'false'});
    this.table = element('table');
    this.details = element('details', {}, element('summary', {}, 'As a table'),
        element('div', {class: 'scroll', role: 'region', 'aria-label': `${title}, table`, tabindex: '0'}, this.table));
    const heading = element('h3', {}, title, ' ', element('span', {class: 'muted'}, unit));
    this.figure = element('figure', {class: 'card plot', 'aria-label': title},
        element('figcaption', {}, heading), this.svg, this.legend, this.details);
    this.title = title;
    this.details.addEventListener('toggle', () => this.redraw());
    parent.append(this.figure);
    new ResizeObserver(() => this.redraw()).observe(this.svg);
  }

  get width() { return Math.max(160, this.svg.clientWidth); }
  get plotWidth() { return this.width - MARGIN.left - MARGIN.right; }
  get plotHeight() { return HEIGHT - MARGIN.top - MARGIN.bottom; }

  redraw() {
    if (this.draw === undefined) return;
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${HEIGHT}`);
    this.svg.replaceChildren();
    this.draw();
  }

  // Horizontal lines with their values; returns where a value lies.
  drawScale(largest) {
    const {ticks, top} = scale(largest);
    const y = (value) => MARGIN.top + this.plotHeight * (1 - value / top);
    for (const tick of ticks) {
      this.svg.append(
          svgElement('line', {class: 'grid', x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y(tick), y2: y(tick)}),
          svgElement('text', {class: 'tick', x: MARGIN.left - 8, y: y(tick) + 4, 'text-anchor': 'end'}, this.format(tick)));
    }
    return y;
  }

  drawLabel(text, x, anchor = 'middle') {
    this.svg.append(svgElement('text', {class: 'tick', x, y: HEIGHT - 5, 'text-anchor': anchor}, text));
  }

  drawNothing(text) {
    this.svg.append(svgElement('text', {
      class: 'nothing', x: MARGIN.left + this.plotWidth / 2, y: MARGIN.top + this.plotHeight / 2, 'text-anchor': 'middle',
    }, text));
  }

  fillTable(head, rows) {
    if (!this.details.open) return;
    this.table.replaceChildren(
        element('caption', {class: 'hidden'}, `${this.title}, ${this.unit}`),
        element('thead', {}, element('tr', {}, ...head.map((text) => element('th', {scope: 'col'}, text)))),
        element('tbody', {}, ...rows.map(([first, ...cells]) => element('tr', {},
            element('th', {scope: 'row'}, first), ...cells.map((text) => element('td', {}, text))))));
  }
}

export class LinePlot extends Plot {
  // `largest`: the top of the scale, where it is known.
  constructor(parent, options) {
    super(parent, options);
    this.largest = options.largest;
  }

  // `times` in seconds, the newest last; `lines`: [{name, color, values}], null where there is none;
  // `span`: seconds shown, whole minutes.
  show(times, lines, span) {
    this.draw = () => this.#draw(times, lines, span);
    this.redraw();
  }

  #draw(times, lines, span) {
    const values = lines.flatMap((line) => line.values).filter((value) => value !== null);
    const y = this.drawScale(this.largest ?? Math.max(0, ...values));
    const now = times.at(-1);
    const x = (time) => MARGIN.left + this.plotWidth * (1 - (now - time) / span);
    const step = span > 60 ? 60 : 15;
    for (let age = 0; age <= span; age += step) {
      const text = step === 60 ? `−${age / 60} min` : `−${age} s`;
      this.drawLabel(age === 0 ? 'now' : text, x(now - age), age === 0 ? 'end' : 'middle');
    }
    if (values.length === 0) this.drawNothing('Nothing yet');
    for (const line of lines) {
      this.svg.append(svgElement('path', {
        class: `line series-${line.color}`, d: path(times.map(x), line.values.map((v) => v === null ? null : y(v))),
      }));
    }
    this.#drawLegend(lines);
    this.#fillTable(times, lines);
  }

  #drawLegend(lines) {
    this.legend.replaceChildren(...lines.map(({name, color, values}) => element('li', {},
        svgElement('svg', {class: 'swatch', viewBox: '0 0 16 4', 'aria-hidden': 'true'},
            svgElement('path', {class: `line series-${color}`, d: 'M0 2H16'})),
        `${name} `, element('b', {}, this.format(values.at(-1))))));
  }

  // A row each half minute.
  #fillTable(times, lines) {
    const rows = [];
    for (let i = times.length - 1, next = 0; i >= 0; --i) {
      const age = times.at(-1) - times[i];
      if (age < next) continue;
      rows.push([age < 1 ? 'now' : `${Math.round(age)} s ago`, ...lines.map((line) => this.format(line.values[i]))]);
      next += 30;
    }
    this.fillTable(['When', ...lines.map((line) => line.name)], rows);
  }
}

export class BarPlot extends Plot {
  // `bars`: [{name, value}].
  show(bars) {
    this.draw = () => this.#draw(bars);
    this.redraw();
  }

  #draw(bars) {
    const y = this.drawScale(Math.max(0, ...bars.map((bar) => bar.value)));
    const step = this.plotWidth / Math.max(1, bars.length);
    if (bars.every((bar) => bar.value === 0)) this.drawNothing('Nothing yet');
    bars.forEach(({name, value}, i) => {
      const left = MARGIN.left + i * step;
      this.svg.append(svgElement('rect', {
        class: 'bar', x: left + step * 0.15, width: step * 0.7, y: y(value), height: y(0) - y(value), rx: 2,
      }));
      this.drawLabel(name, left + step / 2);
    });
    this.fillTable(['Size', 'Share'], bars.map(({name, value}) => [name, this.format(value)]));
  }
}

// A path with a gap wherever a value is missing.
function path(xs, ys) {
  let pen = 'M';
  return ys.map((y, i) => {
    if (y === null) {
      pen = 'M';
      return '';
    }
    const step = `${pen}${xs[i].toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
    return step;
  }).join('');
}

// Three or four ticks at 1, 2 or 5 times a power of ten that reach `largest`.
function scale(largest) {
  if (!(largest > 0)) return {ticks: [0], top: 1};
  const magnitude = 10 ** Math.floor(Math.log10(largest / 3));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((size) => largest / size <= 4);
  const count = Math.ceil(largest / step);
  return {ticks: Array.from({length: count + 1}, (_, i) => i * step), top: count * step};
}
