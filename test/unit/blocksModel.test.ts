import assert from 'node:assert/strict';
import * as grids from '../../src/webview/model/grid';
import {
  ABSENT,
  byteAtDigit,
  bytesPerLine,
  digitsWidth,
  formatOffset,
  lineOf,
  offsetDigits,
  type Byte,
  type Run,
} from '../../src/webview/model/hex';
import { Viewport } from '../../src/webview/model/viewport';

const TERABYTE = 2 ** 40;

describe('the viewport of a long list', () => {
  it('stays within the rows', () => {
    const viewport = new Viewport();
    viewport.resize(100, 10.5);
    viewport.scrollTo(1000);
    assert.equal(viewport.top, 89.5);
    viewport.scrollBy(-1000);
    assert.equal(viewport.top, 0);
    viewport.scrollTo(50);
    viewport.resize(5, 10.5);
    assert.deepEqual([viewport.top, viewport.first, viewport.end], [0, 0, 5]);
  });

  it('moves no further than it must to reveal a row that is near, and shows what is around a far one', () => {
    const viewport = new Viewport();
    viewport.resize(1000, 10);
    const topAfter = (row: number): number => {
      viewport.reveal(row);
      return viewport.top;
    };
    assert.equal(topAfter(9), 0);
    assert.equal(topAfter(10), 1);
    assert.equal(topAfter(500), 497);
    assert.equal(topAfter(496), 496);
    assert.equal(topAfter(999), 990);
  });

  it('tells apart all rows of a terabyte', () => {
    const viewport = new Viewport();
    viewport.resize(TERABYTE / 16, 40);
    viewport.reveal(TERABYTE / 32 + 1);
    assert.ok(viewport.first <= TERABYTE / 32 + 1 && TERABYTE / 32 + 1 < viewport.end);
    assert.equal(viewport.end - viewport.first, 40);
  });

  it('draws a thumb that can be grabbed, and follows it when it is dragged', () => {
    const viewport = new Viewport();
    viewport.resize(1_000_000, 10);
    assert.deepEqual(viewport.thumb(200, 20), { start: 0, length: 20 });
    viewport.dragThumb(180, 200, 20);
    assert.equal(viewport.top, viewport.maxTop);
    assert.deepEqual(viewport.thumb(200, 20), { start: 180, length: 20 });
    viewport.dragThumb(90, 200, 20);
    assert.equal(viewport.top, viewport.maxTop / 2);
    viewport.resize(5, 10);
    assert.deepEqual(viewport.thumb(200, 20), { start: 0, length: 200 });
  });
});

describe('the map of a file', () => {
  const grid = { columns: 64, rows: 8 };

  it('has a power of two of columns, as many as there is room for', () => {
    assert.deepEqual(grids.gridFor(800, 104, 9, 13), grid);
    assert.deepEqual(grids.gridFor(0, 0, 9, 13), { columns: 8, rows: 1 });
  });

  it('shows the whole file with the smallest cells that allow it', () => {
    assert.deepEqual(grids.wholeFile(0, grid), { start: 0, span: 4096 });
    assert.deepEqual(grids.wholeFile(2 ** 30, grid), { start: 0, span: 2 ** 21 });
    assert.deepEqual(grids.wholeFile(2 ** 30 + 1, grid), { start: 0, span: 2 ** 22 });
    assert.deepEqual(grids.wholeFile(TERABYTE, grid), { start: 0, span: 2 ** 31 });
    assert.equal(grids.filledRows(grids.wholeFile(2 ** 30 + 1, grid), grid, 2 ** 30 + 1), 5);
  });

  it('zooms around an offset from the whole file to single blocks and back', () => {
    const at = 0x9876543210;
    const whole = grids.wholeFile(TERABYTE, grid);
    let section = whole;
    for (let step = 0; section.span > grids.BLOCK; step++) {
      section = grids.zoom(section, grid, TERABYTE, 'in', at);
      assert.ok(section.start <= at && at < section.start + grids.extentOf(section, grid), `step ${step}`);
      assert.equal(section.start % (section.span * grid.columns), 0);
    }
    assert.deepEqual(grids.zoom(section, grid, TERABYTE, 'in', at), section);
    while (section.span < whole.span) section = grids.zoom(section, grid, TERABYTE, 'out', at);
    assert.deepEqual(section, whole);
  });

  it('pans by rows and stops at both ends of the file', () => {
    const row = grids.BLOCK * grid.columns;
    const section = { start: 0, span: grids.BLOCK };
    assert.equal(grids.pan(section, grid, 2 ** 30, 3).start, 3 * row);
    assert.equal(grids.pan(section, grid, 2 ** 30, -3).start, 0);
    assert.equal(grids.pan(section, grid, 2 ** 30, 1e9).start, 2 ** 30 - 8 * row);
  });

  it('goes to an offset only when it does not show it yet', () => {
    const section = { start: 0, span: grids.BLOCK };
    const extent = grids.extentOf(section, grid);
    assert.deepEqual(grids.including(section, grid, 2 ** 30, extent - 1), section);
    const moved = grids.including(section, grid, 2 ** 30, 2 ** 29);
    assert.ok(moved.start < 2 ** 29 && 2 ** 29 < moved.start + extent);
  });

  it('shades one block of a terabyte, and more the more there is', () => {
    const { span } = grids.wholeFile(TERABYTE, grid);
    assert.equal(grids.shade(0, span), 0);
    assert.equal(grids.shade(1, span), 1);
    assert.equal(grids.shade(grids.BLOCK, span), 1);
    assert.equal(grids.shade(span, span), grids.SHADES);
    const shades = [12, 16, 20, 24, 28, 31].map((power) => grids.shade(2 ** power, span));
    assert.deepEqual(shades, shades.toSorted());
    assert.ok(new Set(shades).size > 3);
  });
});

describe('a line of the hex view', () => {
  const nothing = { start: -1, end: -1, cursor: -1 };
  const shown = (runs: readonly Run[]): string[] =>
    runs.map(({ text, mark, selected, cursor }) =>
      [text, mark !== 'same' && mark, selected && 'selected', cursor && 'cursor'].filter(Boolean).join('|'),
    );

  it('is one run where both sides agree', () => {
    const line = lineOf(0x20, [0x48, 0x69, 0], [0x48, 0x69, 0], nothing);
    assert.deepEqual(shown(line.digits), ['48 69 00']);
    assert.deepEqual(shown(line.characters), ['Hi·']);
    assert.equal(line.changed, false);
  });

  it('marks bytes that differ, and the gaps between them', () => {
    const line = lineOf(0, [1, 2, 3, 4], [1, 9, 9, 4], nothing);
    assert.deepEqual(shown(line.digits), ['01 ', '02 03|changed', ' 04']);
    assert.equal(line.changed, true);
  });

  it('tells a side that ended from one that is not read yet', () => {
    const own: Byte[] = [1, ABSENT, undefined];
    const other: Byte[] = [1, 2, 3];
    assert.deepEqual(shown(lineOf(0, own, other, nothing).digits), ['01 ', '  |absent', ' ', '  |pending']);
    assert.deepEqual(shown(lineOf(0, other, own, nothing).digits), ['01 ', '02|changed', ' ', '03|pending']);
    assert.equal(lineOf(0, [ABSENT], [ABSENT], nothing).changed, false);
  });

  it('shows what is selected, and the cursor in it', () => {
    const line = lineOf(0x10, [1, 2, 3], [1, 2, 3], { start: 0x10, end: 0x12, cursor: 0x11 });
    assert.deepEqual(shown(line.digits), ['01 |selected', '02|selected|cursor', ' 03']);
    assert.deepEqual(shown(line.characters), ['·|selected', '·|selected|cursor', '·']);
  });

  it('finds the byte below each of its characters', () => {
    const bytes = Array.from({ length: 16 }, (_, i) => i);
    const text = lineOf(0, bytes, bytes, nothing)
      .digits.map((run) => run.text)
      .join('');
    assert.equal(text.length, digitsWidth(16));
    for (let column = 0; column < text.length; column++) {
      if (text[column] === ' ') continue;
      const start = text[column - 1] === ' ' || column === 0 ? column : column - 1;
      assert.equal(byteAtDigit(column, 16), parseInt(text.slice(start, start + 2), 16), `column ${column}`);
    }
    assert.equal(byteAtDigit(-5, 16), 0);
    assert.equal(byteAtDigit(500, 16), 15);
  });

  it('is as long as there is room for', () => {
    for (const bytes of [32, 16, 8, 4, 2]) {
      const needed = 2 * (digitsWidth(bytes) + bytes) + 18;
      assert.equal(bytesPerLine(needed, 18), bytes);
      assert.equal(bytesPerLine(needed - 1, 18), bytes / 2);
    }
  });

  it('writes offsets with as many digits as the file needs', () => {
    assert.equal(formatOffset(0xbeef, offsetDigits(2 ** 30)), '0000BEEF');
    assert.equal(formatOffset(0xbeef, offsetDigits(TERABYTE)), '00000000BEEF');
  });
});
