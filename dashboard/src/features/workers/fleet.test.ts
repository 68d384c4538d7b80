import { describe, expect, it } from 'vitest';
import type { WorkerRun } from '$api/fleet';
import type { Worker } from '$api/types';
import { ageWords, byStudy, fateOf, groupByHost, joinCommand, slotsOf } from './fleet';

const run = (change: Partial<WorkerRun>): WorkerRun => ({
  attempt_id: 1,
  attempt_state: 'RUNNING',
  created_at: '2026-01-01T00:00:00Z',
  ended_at: null,
  n_steps: 20,
  number: 0,
  slot: 0,
  step: 5,
  study_id: 1,
  study_name: 'digits',
  trial_id: 1,
  trial_state: 'RUNNING',
  ...change,
});

const worker = (change: Partial<Worker>): Worker => ({
  worker_id: 1,
  name: 'w',
  host: 'a',
  pid: 1,
  version: '0.1.0',
  queues: ['cpu'],
  n_slots: 2,
  n_busy: 0,
  devices: [],
  state: 'ALIVE',
  created_at: '2026-01-01T00:00:00Z',
  heartbeat_at: '2026-01-01T00:00:00Z',
  left_at: null,
  machine: null,
  runs: [],
  evaluations: [],
  ...change,
});

const machine = (n: number): Worker['machine'] => ({ n_cpus: n, cpu_percent: 1, memory_used_bytes: 1, memory_total_bytes: 2, gpus: [] });

describe('groupByHost', () => {
  it('takes the newest reading of a machine and leaves lost workers out', () => {
    const hosts = groupByHost([
      worker({ host: 'b' }),
      worker({ worker_id: 2, machine: machine(4), heartbeat_at: '2026-01-01T00:00:05Z' }),
      worker({ worker_id: 3, machine: machine(8), heartbeat_at: '2026-01-01T00:00:09Z', state: 'DRAINING' }),
      worker({ worker_id: 4, host: 'gone', state: 'LOST' }),
    ]);
    expect(hosts.map(({ name, workers }) => [name, workers.length])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(hosts[0]?.machine?.n_cpus).toBe(8);
    expect(hosts[1]?.machine).toBeNull();
  });
});

describe('slotsOf', () => {
  it('shows free slots, and runs that no slot was told of, after them', () => {
    const slots = slotsOf(worker({ runs: [run({ slot: 1 }), run({ slot: 1, number: 1 }), run({ slot: null, number: 2 })] }));
    expect(slots.map(({ place, runs }) => [place, runs.length])).toEqual([
      [0, 0],
      [1, 2],
      [null, 1],
    ]);
  });
});

describe("a slot's GPU", () => {
  it('is told in words, and nothing is told of a slot that has none', () => {
    const devices = [
      { uuid: 'GPU-5f1c9a3e-77', name: 'NVIDIA H200', memory_bytes: 2 ** 37, slots: [0], is_simulated: false },
      { uuid: 'SIM-1', name: 'Simulated GPU', memory_bytes: 0, slots: [1], is_simulated: true },
    ];
    const slots = slotsOf(worker({ n_slots: 3, devices, runs: [run({ slot: null })] }));
    expect(slots.map(({ device }) => device)).toEqual(['NVIDIA H200 · 128 GiB · GPU-5f1c9a3e', 'Simulated GPU', null, null]);
  });
});

describe('byStudy', () => {
  it('means the progress of those whose length is known', () => {
    const [first, second] = byStudy([run({}), run({ step: 15 }), run({ study_name: 'other', n_steps: null })]);
    expect(first?.progress).toBe(0.5);
    expect(second?.progress).toBeNull();
  });
});

describe('fateOf', () => {
  it('tells a lease that still holds from a trial that waits', () => {
    expect(fateOf(run({}))).toContain('lease');
    expect(fateOf(run({ attempt_state: 'LOST', trial_state: 'WAITING' }))).toBe('waits for another worker');
    expect(fateOf(run({ attempt_state: 'LOST', trial_state: 'FAIL' }))).toContain('no retries');
  });
});

describe('ageWords', () => {
  it('counts seconds first, and never below 0 where clocks differ', () => {
    const at = '2026-01-01T00:00:00Z';
    expect(ageWords(at, Date.parse(at) + 4_900)).toBe('4 s ago');
    expect(ageWords(at, Date.parse(at) - 5_000)).toBe('0 s ago');
    expect(ageWords(at, Date.parse(at) + 125_000)).toBe('2 min 05 s ago');
  });
});

describe('joinCommand', () => {
  it('names a token only where one is needed, and quotes for the shell', () => {
    expect(joinCommand('http://h:8000', 'cpu', null)).toBe('python -m worker --server http://h:8000 --queues cpu');
    expect(joinCommand('http://h', 'gpu-commands', null)).toContain('--queues gpu --allow-commands --command-root FOLDER');
    expect(joinCommand('http://h:8000', 'gpu', 'tw_x')).toContain('--token tw_x --queues gpu');
    expect(joinCommand('http://h', "a'b", null)).toContain(`--queues 'a'\\''b'`);
  });
});
