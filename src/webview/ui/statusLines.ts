import { formatBytes } from '../../protocol/format';
import type { Strings } from '../messages';
import type { Comparison } from '../model/comparison';
import { ABSENT, formatByte, formatOffset, isPrintable, offsetDigits, type Byte } from '../model/hex';
import { fill } from '../model/text';
import { element } from './dom';

/** What is said of the file as a whole, above everything else. */
export class Header {
  readonly #summary = element('span', { class: 'summary', role: 'status' });
  readonly #sizes = element('span', { class: 'sizes' });
  readonly #progress = element('progress', { max: '1' });
  readonly #problem = element('div', { class: 'problem', role: 'alert', hidden: '' });
  readonly element = element(
    'header',
    {},
    element('div', { class: 'facts' }, this.#summary, this.#sizes),
    this.#progress,
    this.#problem,
  );

  constructor(
    private readonly strings: Strings,
    private readonly comparison: Comparison,
  ) {
    this.#progress.setAttribute('aria-label', strings.tableLabel);
  }

  /** @param problem what a person should know, if anything is wrong */
  render(problem: string | undefined): void {
    const { ranges, length, size, baseSize } = this.comparison;
    setText(this.#summary, this.#count());
    setText(this.#sizes, this.#compareSizes(size, baseSize));
    this.#progress.hidden = ranges.complete || problem !== undefined;
    this.#progress.value = length === 0 ? 0 : Math.min(1, ranges.reached / length);
    this.#problem.hidden = problem === undefined;
    setText(this.#problem, problem ?? '');
  }

  #count(): string {
    const { strings } = this;
    const { count, changedBytes, complete } = this.comparison.ranges;
    const bytes = formatBytes(changedBytes);
    if (!complete) return fill(strings.changesSoFar, count.toLocaleString(), bytes);
    if (count === 0) return strings.noChanges;
    if (count === 1) return fill(strings.oneChange, bytes);
    return fill(strings.changes, count.toLocaleString(), bytes);
  }

  #compareSizes(size: number, baseSize: number): string {
    const { strings } = this;
    const difference = formatBytes(Math.abs(size - baseSize));
    if (size > baseSize) return fill(strings.grown, formatBytes(size), difference);
    if (size < baseSize) return fill(strings.shrunk, formatBytes(size), difference);
    return fill(strings.sizes, formatBytes(size));
  }
}

/** What is said of the place that the cursor is at, below everything else. */
export class Footer {
  readonly #change = element('span');
  readonly #place = element('span', { class: 'place' });
  readonly element = element('footer', { role: 'status' }, this.#change, this.#place);

  constructor(
    private readonly strings: Strings,
    private readonly comparison: Comparison,
  ) {}

  render(): void {
    const { strings } = this;
    const { cursor, length, bytes, selection, currentChange, ranges } = this.comparison;
    const change =
      currentChange === undefined
        ? ''
        : fill(
            strings.inChange,
            (currentChange.number + 1).toLocaleString(),
            ranges.count.toLocaleString(),
            formatBytes(currentChange.range.length),
          );
    setText(this.#change, change);
    const [base] = bytes.peek('base', cursor, 1);
    const [scratch] = bytes.peek('scratch', cursor, 1);
    const selected = selection.end - selection.start;
    const facts = [
      fill(strings.position, formatOffset(cursor, offsetDigits(length)), cursor.toLocaleString()),
      fill(strings.bytes, this.#name(base), this.#name(scratch)),
      selected > 1 ? fill(strings.selected, selected.toLocaleString()) : '',
    ];
    setText(this.#place, facts.filter((fact) => fact !== '').join(' · '));
  }

  #name(byte: Byte): string {
    if (byte === undefined) return '…';
    if (byte === ABSENT) return this.strings.ended;
    return isPrintable(byte) ? `${formatByte(byte)} '${String.fromCharCode(byte)}'` : formatByte(byte);
  }
}

/** Leaves what is the same alone, for a screen reader would say it again. */
function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
