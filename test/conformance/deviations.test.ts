import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectDirectory } from '../support/users';
import { deviationHeadings } from './deviations';

describe('docs/CONFORMANCE.md', () => {
  it('explains each deviation, and none that there is not', () => {
    const text = readFileSync(join(projectDirectory, 'docs/CONFORMANCE.md'), 'utf8');
    const section = text.split('\n## Deviations\n')[1]?.split('\n## ')[0] ?? '';
    const headings = [...section.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(headings, deviationHeadings);
  });
});
