import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runChecked } from '../support/command';
import { residentMegabytes, untilEnded } from '../support/processes';
import { useSandbox } from '../support/sandbox';
import { until } from '../support/until';
import { BlockDiff } from './support/blockDiff';
import { useEditor } from './support/editor';
import type { Tree } from './support/tree';
import type { Workbench } from './support/workbench';

const MEGABYTE = 2 ** 20;
const DISK_SIZE = 2 ** 30;
/** The editor's own diff gives up above 50 MB. */
const LARGE_TEXT_SIZE = 51 * MEGABYTE;
const PLACES = 200;

describe('the block diff', () => {
  const sandbox = useSandbox('suite');
  const editor = useEditor(sandbox);
  let mount: string;
  let name: string;
  let window: Workbench;
  let changes: Tree;

  before(async () => {
    const base = sandbox().directory('images');
    writeFileSync(join(base, 'disk.img'), '');
    truncateSync(join(base, 'disk.img'), DISK_SIZE);
    writeFileSync(join(base, 'table.bin'), binary());
    writeFileSync(join(base, 'large.log'), 'a line of text\n'.repeat(Math.ceil(LARGE_TEXT_SIZE / 15)));
    writeFileSync(join(base, 'notes.txt'), 'a note\n');
    ({ mount, name } = await sandbox().cowspace.create([base]));
    window = await editor().open(mount);
    await window.untilWatching(mount);
    await window.showContainer('Cowspace');
    changes = window.tree('Changes');
  });

  afterEach('discard what the test changed', async () => {
    await window.runCommand('View: Close All Editors');
    await sandbox().cowspace.discard(name);
    await changes.untilLabels([]);
    await window.runCommand('Notifications: Clear All Notifications');
  });

  it('lists 200 changes of a 1 GiB file and discards the last one, in little memory', async () => {
    const before = await settledMemory();
    const places = Array.from({ length: PLACES }, (_, i) => Math.floor((i * DISK_SIZE) / PLACES) + 7 * i);
    for (const [i, offset] of places.entries()) await overwrite('disk.img', offset, `change ${i + 1}`);
    await changes.row('disk.img').click();
    const diff = await BlockDiff.of(window, 'disk.img');
    await diff.untilSummary(/^200 changed ranges/);
    await diff.untilPlace(/^Change 1 of 200/);

    await diff.pressInRanges('End');
    await diff.untilPlace(/^Change 200 of 200, 10 B/);
    assert.equal((await diff.line())[0], hex(places.at(-1)! - (places.at(-1)! % 8)));
    await diff.clickAction('Discard This Range');
    assert.match(
      await window.answerDialog('Discard'),
      new RegExp(`10 B at offset 0x${hex(places.at(-1)!)}`, 'i'),
    );
    await diff.untilSummary(/^199 changed ranges/);
    assert.equal(readAt('disk.img', places.at(-1)!, 10), '\0'.repeat(10));
    assert.equal(readAt('disk.img', places.at(-2)!, 10), 'change 199');

    await window.runCommand('Cowspace: Open All Changes');
    await window.notification(/Too large to be shown with other changes.*disk\.img/).waitFor();

    const after = await memory();
    for (const process of ['host', 'daemon'] as const) {
      const growth = after[process] - before[process];
      console.log(
        `      ${process}: ${before[process].toFixed()} MB, ${growth.toFixed()} MB more at the end`,
      );
      assert.ok(growth < 100, `${process} grew by ${growth} MB`);
    }
  });

  it('goes through the changes by keys, by buttons and by the map', async () => {
    for (const offset of [100, 5000, 9000]) await overwrite('table.bin', offset, 'changed');
    const diff = await open('table.bin');
    await diff.untilPlace(/^Change 1 of 3/);
    await window.page.keyboard.press('F7');
    await diff.untilPlace(/^Change 2 of 3/);
    await diff.clickAction('Next Change');
    await diff.untilPlace(/^Change 3 of 3/);
    await diff.clickAction('Next Change');
    await diff.untilPlace(/^Change 1 of 3/);
    await window.page.keyboard.press('Shift+F7');
    await diff.untilPlace(/^Change 3 of 3/);
    await diff.map.press('Home');
    await diff.untilPlace(/^Offset 00000000/);
    await diff.map.press('ArrowRight');
    await diff.untilPlace(/^Offset 00001000/);
    assert.match(
      (await diff.map.getAttribute('aria-valuetext'))!,
      /^00001000 – 00001FFF: 7 B of 4 KB changed$/,
    );
    await diff.map.press('Enter');
    await diff.untilPlace(/^Change 2 of 3/);
  });

  it('is worked in by keyboard alone, from top to bottom', async () => {
    await overwrite('disk.img', 5_000_000, 'changed');
    const diff = await open('disk.img');
    await diff.untilPlace(/^Change 1 of 1/);
    await diff.map.focus();
    for (const part of [diff.ranges, diff.bytes]) {
      await window.page.keyboard.press('Tab');
      assert.equal(await part.evaluate(isFocused), true);
    }
    await window.page.keyboard.press('Shift+ArrowRight');
    await diff.untilPlace(/2 bytes selected/);
    await diff.map.press('+');
    await diff.frame.getByText('1 cell = 1 MB').waitFor();
    await diff.map.press('0');
    await diff.frame.getByText('1 cell = 2 MB').waitFor();
  });

  it('runs no scripts and takes no styles but its own', async () => {
    await overwrite('table.bin', 100, 'changed');
    const diff = await open('table.bin');
    const policy = diff.frame.locator('meta[http-equiv="Content-Security-Policy"]');
    assert.match(
      (await policy.getAttribute('content'))!,
      /^default-src 'none'; script-src 'nonce-([\w-]+)'; style-src 'nonce-\1'$/,
    );
  });

  it('marks the bytes that differ', async () => {
    await overwrite('table.bin', 258, 'Hi');
    const diff = await open('table.bin');
    await diff.untilPlace(/Base: 02 · Workspace: 48 'H'/);
    const [offset, baseDigits, , digits, text] = await diff.line();
    assert.equal(offset, '00000100');
    assert.match(baseDigits!, /^00 01 02 03 04/);
    assert.match(digits!, /^00 01 48 69 04/);
    assert.match(text!, /^··Hi/);
    const marked = diff.bytes.getByRole('row', { selected: true }).locator('.scratch .changed');
    assert.equal((await marked.allInnerTexts()).join('').replace(/\s/g, ''), '4869Hi');
  });

  it('goes to an offset, and finds text and bytes in what changed', async () => {
    await overwrite('table.bin', 5000, 'one needle');
    await overwrite('table.bin', 9000, 'another needle');
    const diff = await open('table.bin');
    await diff.goToOffset('0x10');
    await diff.untilPlace(/^Offset 00000010 \(16\)/);
    await window.page.keyboard.press('Control+F');
    await diff.find.getByRole('textbox').fill('needle');
    await diff.untilPlace(/^Change 1 of 2.*Offset 0000138C.*6 bytes selected/s);
    await diff.find.getByText('1 of 2').waitFor();
    await diff.find.getByRole('textbox').press('Enter');
    await diff.untilPlace(/^Change 2 of 2.*6 bytes selected/s);
    await diff.find.getByLabel('Hex').check();
    await diff.find.getByRole('textbox').fill('6e 6f 74 68');
    await diff.untilPlace(/^Change 2 of 2.*4 bytes selected/s);
    await diff.find.getByRole('textbox').press('Escape');
    await diff.find.waitFor({ state: 'hidden' });
  });

  it('copies a change as hex', async () => {
    await window.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await overwrite('table.bin', 258, 'Hi');
    const diff = await open('table.bin');
    await diff.untilPlace(/^Change 1 of 1/);
    await window.runCommand('Cowspace: Copy as Hex');
    await window.statusBarItem('Copied 2 B as hex').waitFor();
    assert.equal(await window.page.evaluate('navigator.clipboard.readText()'), '48 69');
    await window.runCommand('Cowspace: Copy Base as Hex');
    await window.page.waitForFunction(`navigator.clipboard.readText().then((text) => text === '02 03')`);
  });

  it('follows the file while it changes, and after its daemon was killed', async () => {
    await overwrite('table.bin', 100, 'changed');
    const diff = await open('table.bin');
    await diff.untilSummary(/^1 changed range,/);
    await overwrite('table.bin', 5000, 'changed');
    await diff.untilSummary(/^2 changed ranges/);
    await overwrite('table.bin', 100, 'CHANGED');
    await diff.untilPlace(/Workspace: 43 'C'/);
    truncateSync(join(mount, 'table.bin'), 3000);
    await diff.untilSummary(/^1 changed range,.*shorter than in the base/s);

    const pid = await daemonPid();
    process.kill(pid, 'SIGKILL');
    await untilEnded([pid]);
    await until('the workspace is mounted again', async () => {
      const [workspace] = await sandbox().cowspace.list();
      return workspace!.mounted && workspace!.pid !== pid;
    });
    await overwrite('table.bin', 2000, 'again');
    await diff.untilSummary(/^2 changed ranges/);
  });

  it('opens for binary files and large ones, and for others on demand', async () => {
    await overwrite('table.bin', 100, 'changed');
    await overwrite('large.log', 30, 'CHANGED');
    writeFileSync(join(mount, 'notes.txt'), 'another note\n');
    await changes.untilLabels(['large.log', 'notes.txt', 'table.bin']);
    await changes.row('table.bin').click();
    await (await BlockDiff.of(window, 'table.bin')).untilSummary(/^1 changed range,/);
    await changes.row('large.log').click();
    await (await BlockDiff.of(window, 'large.log')).untilSummary(/^1 changed range, 7 B/);
    await changes.row('notes.txt').click();
    await window.tab(/notes\.txt \(Base ↔ Workspace\)/).waitFor();
    await window.runCommand('Cowspace: Show Block Diff');
    await (await BlockDiff.of(window, 'notes.txt')).untilSummary(/6 B longer than in the base/);
  });

  async function open(path: string): Promise<BlockDiff> {
    await changes.row(path).click();
    const diff = await BlockDiff.of(window, path);
    await diff.bytes.focus();
    return diff;
  }

  /** As any program of the user's would. */
  async function overwrite(path: string, offset: number, text: string): Promise<void> {
    const output = [`of=${join(mount, path)}`, `seek=${offset}`, 'oflag=seek_bytes'];
    await runChecked('dd', ['conv=notrunc', 'status=none', `bs=${text.length}`, ...output], { input: text });
  }

  function readAt(path: string, offset: number, length: number): string {
    const buffer = Buffer.alloc(length);
    const file = openSync(join(mount, path), 'r');
    readSync(file, buffer, 0, length, offset);
    closeSync(file);
    return buffer.toString('latin1');
  }

  async function daemonPid(): Promise<number> {
    return (await sandbox().cowspace.list()).find((each) => each.name === name)!.pid!;
  }

  /** As {@link memory}, once the extension host has loaded all that a new window makes it load. */
  async function settledMemory(): ReturnType<typeof memory> {
    let last = await memory();
    return until('the extension host has settled', async () => {
      await sleep(2_000);
      const grown = -last.host + (last = await memory()).host;
      return grown < 1 && last;
    });
  }

  /** What the extension host and the daemon hold in memory, in MB. */
  async function memory(): Promise<{ host: number; daemon: number }> {
    const host = editor().extensionHosts().at(-1);
    assert.ok(host !== undefined, 'there is an extension host');
    return { host: residentMegabytes(host), daemon: residentMegabytes(await daemonPid()) };
  }
});

/** Runs in the browser. */
function isFocused(element: { readonly ownerDocument: { readonly activeElement: unknown } }): boolean {
  return element.ownerDocument.activeElement === element;
}

/** A file that has a NUL, and so is none of text. */
function binary(): Buffer {
  return Buffer.from(Array.from({ length: 12_000 }, (_, i) => i & 0xff));
}

function hex(offset: number): string {
  return offset.toString(16).toUpperCase().padStart(8, '0');
}
