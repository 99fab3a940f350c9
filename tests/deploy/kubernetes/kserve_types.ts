// The part of KServe's API that deploy/kserve uses; no package publishes its types. The names are
// those that types.cjs expects.
import type {IObjectMeta} from '@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta';
import type {IContainer} from 'kubernetes-models/v1/Container';

type Protocol = 'v1' | 'v2' | 'grpc-v1' | 'grpc-v2';

export interface IServingRuntime {
  apiVersion: 'serving.kserve.io/v1alpha1';
  kind: 'ServingRuntime';
  metadata: IObjectMeta;
  spec: {
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    supportedModelFormats: {
      name: string;
      version?: string;
      autoSelect?: boolean;
      priority?: number;
    }[];
    protocolVersions: Protocol[];
    // KServe looks for the server's container by this name.
    containers: (IContainer & {name: 'kserve-container'})[];
  };
}

export interface IInferenceService {
  apiVersion: 'serving.kserve.io/v1beta1';
  kind: 'InferenceService';
  metadata: IObjectMeta;
  spec: {
    predictor: {
      minReplicas?: number;
      maxReplicas?: number;
      timeout?: number;
      annotations?: Record<string, string>;
      labels?: Record<string, string>;
      model: Partial<IContainer> & {
        modelFormat: {name: string; version?: string};
        runtime?: string;
        protocolVersion?: Protocol;
        storageUri: string;
      };
    };
  };
}
