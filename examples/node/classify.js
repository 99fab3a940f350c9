// Labels of a photo: node classify.js PHOTO [MODEL [SERVER]]
import {readFileSync} from 'node:fs';
import {call, Classifier} from './siskin.js';

const [photo, model = '', server = 'localhost:8001'] = process.argv.slice(2);
if (photo === undefined) {
  console.error('usage: node classify.js PHOTO [MODEL [SERVER]]');
  process.exit(2);
}
try {
  const answer =
      await call(Classifier, 'Classify', server, {model, image: readFileSync(photo), top_k: 3});
  for (const {probability, label, index} of answer.classifications) {
    console.log(`${(100 * probability).toFixed(2).padStart(6)} %  ${label || index}`);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
