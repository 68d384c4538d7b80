/** How attempts end, in words. Pure. */

const ENDS: Readonly<Record<string, string>> = {
  RUNNING: 'It runs now.',
  COMPLETE: 'It trained to its end.',
  PRUNED: 'The pruner ended it: the trial was behind.',
  STOPPED: 'Somebody stopped it, or its study.',
  LOST: 'Its worker gave no sign of life until the lease ran out.',
  PREEMPTED: 'Its worker was told to end and handed the trial back; that uses up no retry.',
  PAUSED: 'The pruner set the trial aside until it is promoted; that uses up no retry.',
  OOM: 'It needed more memory than there is.',
  DIVERGED: 'Its loss stopped being a finite number.',
  TIMED_OUT: 'It took longer than it may.',
  CRASHED: 'It broke off with an error.',
};

/** Say in a sentence how an attempt ended. */
export const tellEnd = (state: string): string => ENDS[state] ?? state;
