import { strict as assert } from 'node:assert';
import { commands } from '../../../src/cli/commands';
import { completeLine } from '../../../src/cli/completion';

describe('completion', () => {
  async function texts(...line: string[]): Promise<string[]> {
    const { kinds, words } = await completeLine(commands, line, () => Promise.resolve(['first', 'second']));
    return [...kinds.map((kind) => `<${kind}>`), ...words.map(({ text }) => text)];
  }

  it('offers every command that help lists', async () => {
    const offered = await texts('');
    for (const { name, hidden } of commands) assert.equal(offered.includes(name), hidden !== true, name);
    assert.deepEqual(await texts('help', 'comm'), ['commit']);
    assert.deepEqual(await texts('help', 'commit', ''), []);
  });

  it('offers what the place takes', async () => {
    for (const [line, expected] of [
      [[], ['create', 'open']],
      [
        ['status', ''],
        ['first', 'second'],
      ],
      [['status', 's'], ['second']],
      [['status', 'first', ''], []],
      [['commit', 'first', 'a', ''], ['<file>']],
      [['create', ''], ['<directory>']],
      [
        ['open', ''],
        ['<directory>', 'first', 'second'],
      ],
      [
        ['completions', ''],
        ['bash', 'zsh', 'fish'],
      ],
      [['nonsense', ''], []],
    ] as const) {
      const offered = await texts(...line);
      assert.deepEqual(line.length === 0 ? offered.slice(0, 2) : offered, expected, line.join(' '));
    }
  });

  it('knows options, their values, and the end of options', async () => {
    for (const [line, expected] of [
      [['commit', '--d'], ['--dry-run']],
      [
        ['commit', '--dry-run', ''],
        ['first', 'second'],
      ],
      [['list', '-'], ['--json']],
      [
        ['create', '--driver', ''],
        ['kernel', 'fuse-native', 'editor'],
      ],
      [['create', '--scratch', ''], ['<directory>']],
      [['create', '--name', '--d'], []],
      [['create', '--name', 'x', '--dr'], ['--driver']],
      [
        ['run', '.', '--', '--n'],
        ['<command>', '<file>'],
      ],
    ] as const) {
      assert.deepEqual(await texts(...line), expected, line.join(' '));
    }
  });
});
