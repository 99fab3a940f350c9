// Labels by the Open Inference Protocol, as KServe and Triton speak it:
//   node oip.js PHOTO MODEL [SERVER]
import {readFileSync} from 'node:fs';
import {call, GRPCInferenceService} from './siskin.js';

const [photo, model, server = 'localhost:8001'] = process.argv.slice(2);
if (model === undefined) {
  console.error('usage: node oip.js PHOTO MODEL [SERVER]');
  process.exit(2);
}
try {
  const image = readFileSync(photo);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(image.length);
  const answer = await call(GRPCInferenceService, 'ModelInfer', server, {
    model_name: model,
    inputs: [{name: 'input', datatype: 'BYTES', shape: [1]}],
    raw_input_contents: [Buffer.concat([length, image])],
  });
  const raw = answer.raw_output_contents[answer.outputs.findIndex(({name}) => name === 'probabilities')];
  const probabilities = Array.from({length: raw.length / 4}, (_, i) => raw.readFloatLE(4 * i));
  const best = probabilities.indexOf(Math.max(...probabilities));
  console.log(`${(100 * probabilities[best]).toFixed(2).padStart(6)} %  class ${best} of ${probabilities.length}`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
