/** From a list of workers to machines, slots and what lost workers left. Pure. */
import type { Machine, WorkerRun } from '$api/fleet';
import type { Worker } from '$api/types';
import { formatBytes, formatDuration } from '$lib/format';

export interface Host {
  readonly name: string;
  /** Living and draining ones. */
  readonly workers: readonly Worker[];
  /** The newest reading of any of them: all see the same machine. */
  readonly machine: Machine | null;
}

export interface Slot {
  /** null: the worker did not say in which slot these train. */
  readonly place: number | null;
  /** The GPU it is pinned to, in words; null where it is pinned to none. */
  readonly device: string | null;
  readonly runs: readonly WorkerRun[];
}

/** Group workers that are here by their machine, by name. */
export function groupByHost(workers: readonly Worker[]): Host[] {
  const hosts = new Map<string, Worker[]>();
  for (const worker of workers) {
    if (worker.state === 'LOST') continue;
    hosts.set(worker.host, [...(hosts.get(worker.host) ?? []), worker]);
  }
  return [...hosts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, members]) => {
      const newest = members.filter(({ machine }) => machine !== null).sort((a, b) => b.heartbeat_at.localeCompare(a.heartbeat_at));
      return { name, workers: members, machine: newest[0]?.machine ?? null };
    });
}

/** Every slot of a worker in order, free ones too, then what runs outside of a known slot. */
export function slotsOf(worker: Worker): Slot[] {
  const places = Array.from({ length: worker.n_slots }, (_, place) => place);
  const more = new Set(worker.runs.map(({ slot }) => slot ?? null).filter((slot) => slot === null || slot >= worker.n_slots));
  return [...places, ...more].map((place) => ({
    place,
    device: deviceOf(worker, place),
    runs: worker.runs.filter(({ slot }) => (slot ?? null) === place)
  }));
}

/** What a slot is pinned to, as people tell GPUs apart: by name, memory and how its UUID begins. */
function deviceOf({ devices }: Worker, place: number | null): string | null {
  const found = place === null ? undefined : devices.find(({ slots }) => slots.includes(place));
  if (found === undefined) return null;
  const words = [found.name, found.memory_bytes > 0 ? formatBytes(found.memory_bytes) : '', found.is_simulated ? '' : found.uuid.slice(0, 12)];
  return words.filter((word) => word !== '').join(' · ');
}

export interface StudyRuns {
  readonly study: string;
  readonly runs: readonly WorkerRun[];
  /** Mean share of the steps done, 0 to 1; null where none is known. */
  readonly progress: number | null;
}

/** What trains together, by study. */
export function byStudy(runs: readonly WorkerRun[]): StudyRuns[] {
  const studies = new Map<string, WorkerRun[]>();
  for (const run of runs) studies.set(run.study_name, [...(studies.get(run.study_name) ?? []), run]);
  return [...studies].map(([study, its]) => ({ study, runs: its, progress: meanProgress(its) }));
}

function meanProgress(runs: readonly WorkerRun[]): number | null {
  const shares = runs.flatMap(({ step, n_steps }) => (n_steps ? [Math.min(1, (step ?? 0) / n_steps)] : []));
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

/** What became of a trial that a lost worker had. */
export function fateOf(run: WorkerRun): string {
  if (run.attempt_state === 'RUNNING') return 'its lease has not run out yet: then another worker gets it';
  switch (run.trial_state) {
    case 'WAITING':
      return 'waits for another worker';
    case 'RUNNING':
      return 'runs again on another worker';
    case 'COMPLETE':
      return 'has been completed elsewhere';
    case 'PRUNED':
      return 'was ended early';
    default:
      return 'failed: no retries were left';
  }
}

/** How long ago something was, to the second: a heartbeat's age matters before a minute has passed. */
export function ageWords(at: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(at)) / 1000));
  return seconds < 60 ? `${seconds} s ago` : `${formatDuration(seconds)} ago`;
}

/** How the queues end in which commands of studies wait; only workers that were started for them serve these. */
const COMMANDS = '-commands';

/** The line that adds a worker on another machine. Words with spaces or signs are quoted for the shell. */
export function joinCommand(server: string, queue: string, token: string | null): string {
  const parts = ['python -m worker', `--server ${quote(server)}`, ...(token === null ? [] : [`--token ${quote(token)}`])];
  const served = queue.endsWith(COMMANDS) ? queue.slice(0, -COMMANDS.length) : queue;
  const consent = served === queue ? [] : ['--allow-commands --command-root FOLDER'];
  return [...parts, `--queues ${quote(served)}`, ...consent].join(' ');
}

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
