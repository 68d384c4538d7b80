/** The line of Python that gets a trial's network. Pure. */
import type { Artifact } from '$api/types';

export const ONNX_FILE = 'model.onnx';

/** The file that is the trial's network: the one that runs anywhere, else the weights; null where it stored none. */
export function networkOf(artifacts: readonly Artifact[]): Artifact | null {
  const networks = artifacts.filter(({ kind }) => kind === 'network');
  return networks.find(({ name }) => name === ONNX_FILE) ?? networks.find(({ name }) => name.endsWith('.safetensors')) ?? networks[0] ?? null;
}

/** Write Python that makes the network ready to answer, or where it cannot run outside of Tunewell's code, fetches it. */
export function pythonLine(server: string, study: string, number: number, network: Artifact): string {
  const client = `tunewell.Client(${quote(server)})`;
  const call =
    network.name === ONNX_FILE
      ? `network = ${client}.load_predictor(${quote(study)}, number=${number})`
      : `path = ${client}.download_artifact(${network.artifact_id}, ${quote(network.name)})`;
  return `import tunewell; ${call}`;
}

/** Text as a literal of Python's: JSON's form is one, but for characters beyond the basic plane, which stay as they are. */
const quote = (text: string): string => JSON.stringify(text);
