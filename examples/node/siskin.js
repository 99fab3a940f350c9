// Loads the services from ../../proto; Node needs no generated code.
import grpc from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';
import {fileURLToPath} from 'node:url';

const protos = fileURLToPath(new URL('../../proto', import.meta.url));

function load(file) {
  return grpc.loadPackageDefinition(loadSync(file, {includeDirs: [protos], keepCase: true}));
}

// The answer of one unary call, or its error, within five seconds.
export function call(service, method, server, request) {
  const client = new service(server, grpc.credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client[method](request, {deadline: Date.now() + 5000},
                   (error, answer) => error ? reject(error) : resolve(answer));
  }).finally(() => client.close());
}

export const {Classifier} = load('siskin/v1/classifier.proto').siskin.v1;
export const {FaceDetector} = load('siskin/v1/face_detector.proto').siskin.v1;
export const {GRPCInferenceService} = load('inference/grpc_service.proto').inference;
