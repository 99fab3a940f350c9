// Faces in a photo: node detect.js PHOTO [MODEL [SERVER]]
import {readFileSync} from 'node:fs';
import {call, FaceDetector} from './siskin.js';

const [photo, model = '', server = 'localhost:8001'] = process.argv.slice(2);
if (photo === undefined) {
  console.error('usage: node detect.js PHOTO [MODEL [SERVER]]');
  process.exit(2);
}
try {
  const {faces, image_width, image_height} =
      await call(FaceDetector, 'Detect', server, {model, image: readFileSync(photo)});
  console.log(`${faces.length} faces in ${image_width} x ${image_height} pixels`);
  for (const {box, score} of faces) {
    const [left, top, right, bottom] =
        [box.xmin, box.ymin, box.xmax, box.ymax].map((pixel) => Math.round(pixel));
    console.log(`${(100 * score).toFixed(2).padStart(6)} %  (${left}, ${top}) to (${right}, ${bottom})`);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
