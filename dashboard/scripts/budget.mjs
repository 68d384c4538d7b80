// Fails the build where a page needs more JavaScript at its first load than it may. Sizes are gzipped, as they travel.
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Every page that the application opens. A new one is refused until it has a budget here. */
const BUDGETS_KB = {
  'features/studies/StudiesPage': 45,
  'features/studies/NewStudyPage': 52,
  'features/studies/EditStudyPage': 52,
  'features/study/StudyPage': 86,
  'features/trial/TrialPage': 78,
  'features/compare/ComparePage': 72,
  'features/workers/WorkersPage': 45,
  'features/datasets/DatasetsPage': 45,
  'features/datasets/DatasetPage': 60,
  'features/datasets/UploadPage': 45,
};

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
const manifest = JSON.parse(readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8'));

/** Files that a module needs before it runs: itself and its static imports. */
function filesOf(key, files = new Set()) {
  const { file, imports = [] } = manifest[key];
  if (!files.has(file)) {
    files.add(file);
    imports.forEach((name) => filesOf(name, files));
  }
  return files;
}

let isOver = false;
for (const page of Object.keys(manifest).filter((key) => key.endsWith('Page.svelte'))) {
  if (!(page.replace(/^src\/|\.svelte$/g, '') in BUDGETS_KB)) {
    isOver = true;
    process.stdout.write(`${page} has no budget: give it one in scripts/budget.mjs\n`);
  }
}
for (const [page, budget] of Object.entries(BUDGETS_KB)) {
  const files = filesOf(`src/${page}.svelte`, filesOf('index.html'));
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, 0);
  const verdict = bytes / 1000 > budget ? 'over its budget of' : 'of at most';
  isOver ||= bytes / 1000 > budget;
  process.stdout.write(`${page}: ${(bytes / 1000).toFixed(1)} kB of JavaScript, gzipped, ${verdict} ${budget} kB\n`);
}
rmSync(join(dist, '.vite'), { recursive: true }); // only this check needs it
if (isOver) process.exitCode = 1;
