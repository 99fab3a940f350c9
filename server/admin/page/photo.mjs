// The box to drop a photo in: asks the server, says the answer, draws faces over the photo.
import {askJson, element, number, percent} from './page.mjs';

const LARGEST_SIDE = 1280;  // of the preview, in pixels
const byId = (id) => document.getElementById(id);

export class PhotoBox {
  maxBytes = Infinity;
  #photo = null;
  #questions = Promise.resolve();  // one after the other

  constructor() {
    const drop = byId('drop');
    byId('photo').addEventListener('change', ({target}) => this.ask(target.files[0]));
    byId('photo-form').addEventListener('submit', (event) => event.preventDefault());
    byId('model').addEventListener('change', () => this.ask(this.#photo));
    addEventListener('paste', ({clipboardData}) => this.ask(clipboardData.files[0]));
    // Anywhere on the page: a photo that misses the box must not replace the page.
    for (const type of ['dragover', 'dragleave', 'drop']) {
      addEventListener(type, (event) => {
        event.preventDefault();
        drop.classList.toggle('over', type === 'dragover');
        if (type === 'drop') this.ask(event.dataTransfer.files[0]);
      });
    }
  }

  ask(photo) {
    if (!photo) return;
    this.#photo = photo;
    this.#questions = this.#questions.then(() => this.#answer(photo));
  }

  async #answer(photo) {
    byId('answer').classList.remove('problem');
    say({answer: 'Asking …'});
    const bitmap = await createImageBitmap(photo).catch(() => null);
    showPhoto(photo, bitmap, []);
    try {
      if (photo.size > this.maxBytes) {
        throw new Error(`the photo has ${photo.size} bytes, this server takes ${this.maxBytes}`);
      }
      const answer = await askJson(`/api/infer?${byId('model').value}`, {
        method: 'POST', body: photo, headers: {'Content-Type': 'application/octet-stream'},
      });
      if (answer.faces !== undefined) showPhoto(photo, bitmap, answer.faces);
      say(describe(answer));
    } catch (error) {
      byId('answer').classList.add('problem');
      say({answer: `No answer: ${error.message}`});
    }
  }
}

function describe(result) {
  const {model, version, timing_ms: ms, batch_size: size, random_weights: random} = result;
  const text = {
    warning: random ? 'This model\'s weights are random: its answers mean nothing.' : '',
    timing: `${model} version ${version}: queue ${number(ms.queue)} ms, decode ${number(ms.decode)} ms, ` +
        `compute ${number(ms.compute)} ms, in a batch of ${size}`,
  };
  if (result.faces === undefined) {
    const [best] = result.classifications;
    return {...text, answer: `${name(best)}, ${percent(best.probability)}`, classes: result.classifications};
  }
  const scores = result.faces.map((face) => percent(face.score)).join(', ');
  return {...text, answer: scores === '' ? 'No face' : `${countFaces(result.faces)}: ${scores}`};
}

const countFaces = ({length}) => length === 1 ? '1 face' : `${length} faces`;

// Labels of ImageNet are lists of synonyms: the first is enough.
const name = ({label, index}) => label === undefined ? `Class ${index}` : label.split(',')[0];

function say({answer = '', warning = '', timing = '', classes = []}) {
  byId('answer').textContent = answer;
  byId('answer-warning').textContent = warning;
  byId('answer-warning').hidden = warning === '';
  byId('timing').textContent = timing;
  byId('classes').replaceChildren(...classes.map((one) => {
    const bar = element('span', {class: 'share', 'aria-hidden': 'true'});
    bar.style.inlineSize = percent(one.probability).replace(' ', '');
    return element('li', {}, element('span', {}, name(one)), element('b', {}, percent(one.probability)), bar);
  }));
}

// Draws the photo as a browser shows it, upright, and the faces in the same pixels.
function showPhoto(photo, bitmap, faces) {
  const canvas = byId('preview');
  canvas.hidden = bitmap === null;
  if (bitmap === null) return;
  const shrink = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.round(bitmap.width * shrink);
  canvas.height = Math.round(bitmap.height * shrink);
  const marked = faces.length === 0 ? '' : `, ${countFaces(faces)} marked`;
  canvas.setAttribute('aria-label', `The photo ${photo.name}${marked}`);
  const pen = canvas.getContext('2d');
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  for (const face of faces) drawFace(pen, face, shrink);
}

// Yellow on black, so that it is seen on any photo.
function drawFace(pen, {box, key_points: points}, shrink) {
  const line = Math.max(2, pen.canvas.width / 160);
  const outline = new Path2D();
  outline.rect(box.xmin * shrink, box.ymin * shrink, (box.xmax - box.xmin) * shrink, (box.ymax - box.ymin) * shrink);
  const dots = new Path2D();
  for (const {x, y} of Object.values(points)) {
    dots.moveTo(x * shrink + line, y * shrink);
    dots.arc(x * shrink, y * shrink, line, 0, 2 * Math.PI);
  }
  for (const [color, width] of [['#000', 3 * line], ['#ffe100', line]]) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.stroke(outline);
    pen.stroke(dots);
  }
  pen.fillStyle = '#ffe100';
  pen.fill(dots);
}
