import { expect, it } from 'vitest';
import type { Artifact } from '$api/types';
import { networkOf, pythonLine } from './loading';

const artifact = (name: string, kind = 'network'): Artifact => ({
  artifact_id: 17,
  name,
  kind,
  step: null,
  sha256: '',
  n_bytes: 1,
  media_type: '',
  created_at: '2026-01-01T00:00:00Z',
});

it('takes the network that runs anywhere, else its weights', () => {
  const [json, weights, onnx] = [artifact('model.json'), artifact('model.safetensors'), artifact('model.onnx')];
  expect(networkOf([json, weights, onnx])).toBe(onnx);
  expect(networkOf([json, weights])).toBe(weights);
  expect(networkOf([json])).toBe(json);
  expect(networkOf([artifact('checkpoint.safetensors', 'checkpoint')])).toBeNull();
});

it('writes one line of Python', () => {
  expect(pythonLine('http://127.0.0.1:8000', 'digits "mlp"', 4, artifact('model.onnx'))).toBe(
    'import tunewell; network = tunewell.Client("http://127.0.0.1:8000").load_predictor("digits \\"mlp\\"", number=4)',
  );
  expect(pythonLine('http://h', 's', 4, artifact('model.safetensors'))).toBe(
    'import tunewell; path = tunewell.Client("http://h").download_artifact(17, "model.safetensors")',
  );
});
