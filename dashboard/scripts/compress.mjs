// Lays a compressed twin beside each text that the build has made: packed once and at its best, not at each request.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const TEXT = /\.(css|html|js|json|svg)$/;
const WORTH_BYTES = 500; // a smaller file fits into one packet anyway

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
for (const file of files.filter((one) => TEXT.test(one.name))) {
  const path = join(file.parentPath, file.name);
  const bytes = readFileSync(path);
  if (bytes.length >= WORTH_BYTES) writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
