// Both protocols as a Node client sees them, with messages read from the .proto files at run time.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const {after, before, describe, it} = require('node:test');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const {HAVE_MODELS, MODEL, readPhoto, samplePhotos, startServer} = require('./server.cjs');

const CLASSIFIERS = ['mobilenet_v1', 'mobilenet_v1_025', 'mobilenet_v2', 'mobilenet_v3_small',
  'shufflenet_v1_g8'];
const SIZE = 224;
const GREY = Buffer.alloc(SIZE * SIZE * 3, 0x80);
const needsModels = {skip: HAVE_MODELS ? false : 'needs the shared models'};

function load(file) {
  const proto = path.join(process.env.SISKIN_SOURCE_DIR, 'proto');
  return grpc.loadPackageDefinition(
      loader.loadSync(file, {includeDirs: [proto], keepCase: true, longs: Number, oneofs: true}));
}

// A unary call as a promise.
function ask(client, method, request, options = {}) {
  return new Promise((resolve, reject) => {
    client[method](request, options, (error, answer) => error ? reject(error) : resolve(answer));
  });
}

function grey(fields = {}) {
  const tensor = {data_type: 'UINT8', shape: [SIZE, SIZE, 3], data: GREY};
  return {model: MODEL, tensor, ...fields};
}

let server;
before(async () => {
  server = await startServer();
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

describe('siskin.v1.Classifier', () => {
  let client;
  before(() => {
    const {Classifier} = load('siskin/v1/classifier.proto').siskin.v1;
    client = new Classifier(server.address, grpc.credentials.createInsecure());
  });
  after(() => client.close());

  it('labels the sample photos', needsModels, async () => {
    let checked = 0;
    for (const {file, index, name, models} of samplePhotos()) {
      for (const model of models.filter((model) => CLASSIFIERS.includes(model))) {
        const answer = await ask(client, 'Classify', {model, image: readPhoto(file), id: file});
        assert.equal(answer.classifications[0].index, index, `${model} on ${file}`);
        assert.equal(answer.classifications[0].label.split(',')[0], name);
        assert.equal(answer.model, model);
        assert.equal(answer.id, file);
        ++checked;
      }
    }
    assert.ok(checked >= 20);
  });

  it('answers a tensor with five classes and timing', async () => {
    const answer = await ask(client, 'Classify', grey());
    assert.equal(answer.classifications.length, 5);
    assert.ok(answer.timing.batch_size >= 1);
    assert.ok(answer.timing.compute.nanos > 0);
  });

  it('answers errors with a code, a sentence and details', async () => {
    const rows = [
      [{model: MODEL, image: Buffer.from('text')}, grpc.status.INVALID_ARGUMENT],
      [grey({model: 'nobody'}), grpc.status.NOT_FOUND],
    ];
    for (const [request, code] of rows) {
      await assert.rejects(ask(client, 'Classify', request), (error) => {
        assert.equal(error.code, code);
        assert.notEqual(error.details, '');
        const [details] = error.metadata.get('grpc-status-details-bin');
        assert.ok(details.includes('siskin'));
        return true;
      });
    }
  });

  it('answers a stream in order and goes on after an error', async () => {
    const stream = client.ClassifyStream();
    for (let i = 0; i < 20; ++i) {
      stream.write(i === 9 ? {model: MODEL, id: '9', image: Buffer.from('x')} : grey({id: `${i}`}));
    }
    stream.end();
    const answers = [];
    for await (const answer of stream) answers.push(answer);
    assert.deepEqual(
        answers.map((answer) => answer[answer.result].id),
        Array.from({length: 20}, (_, i) => `${i}`));
    assert.deepEqual(
        answers.map((answer) => answer.result === 'error'),
        Array.from({length: 20}, (_, i) => i === 9));
    assert.equal(answers[9].error.code, grpc.status.INVALID_ARGUMENT);
  });

  it('survives cancelled and expired calls', async () => {
    const stream = client.ClassifyStream();
    stream.write(grey());
    await assert.rejects(async () => {
      for await (const answer of stream) {
        assert.equal(answer.result, 'response');
        stream.cancel();
      }
    }, {code: grpc.status.CANCELLED});
    await assert.rejects(
        ask(client, 'Classify', grey(), {deadline: Date.now() - 1}),
        {code: grpc.status.DEADLINE_EXCEEDED});
    await ask(client, 'Classify', grey());
  });
});

describe('inference.GRPCInferenceService', () => {
  let client;
  before(() => {
    const {GRPCInferenceService} = load('inference/grpc_service.proto').inference;
    client = new GRPCInferenceService(server.address, grpc.credentials.createInsecure());
  });
  after(() => client.close());

  function request(datatype, shape, raw) {
    return {
      model_name: MODEL,
      inputs: [{name: 'input', datatype, shape}],
      raw_input_contents: [raw],
    };
  }

  it('is live, ready and describes itself', async () => {
    assert.ok((await ask(client, 'ServerLive', {})).live);
    assert.ok((await ask(client, 'ServerReady', {})).ready);
    assert.ok((await ask(client, 'ModelReady', {name: MODEL})).ready);
    assert.equal((await ask(client, 'ServerMetadata', {})).name, 'siskin');
    const metadata = await ask(client, 'ModelMetadata', {name: MODEL});
    assert.deepEqual(metadata.inputs[0].shape, [-1, 3, SIZE, SIZE]);
  });

  it('infers a raw tensor', async () => {
    const raw = Buffer.from(new Float32Array(3 * SIZE * SIZE).fill(0.25).buffer);
    const answer = await ask(client, 'ModelInfer', request('FP32', [1, 3, SIZE, SIZE], raw));
    assert.deepEqual(answer.outputs.map((output) => output.name), ['logits', 'probabilities']);
    const bytes = answer.raw_output_contents[1];
    assert.equal(bytes.length, 1000 * 4);
    let sum = 0;
    for (let at = 0; at < bytes.length; at += 4) sum += bytes.readFloatLE(at);
    assert.ok(Math.abs(sum - 1) < 1e-4);
  });

  it('classifies a photo', needsModels, async () => {
    const {file, index, name} = samplePhotos().find(({models}) => models.includes(MODEL));
    const photo = readPhoto(file);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(photo.length);
    const answer = await ask(client, 'ModelInfer', {
      ...request('BYTES', [1], Buffer.concat([length, photo])),
      outputs: [{name: 'probabilities', parameters: {classification: {int64_param: 1}}}],
    });
    const element = answer.raw_output_contents[0].subarray(4).toString();
    const [, best, label] = element.split(':');
    assert.equal(Number(best), index);
    assert.equal(label.split(',')[0], name);
  });
});
