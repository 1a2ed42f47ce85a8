import type { FrameLocator, Locator } from 'playwright-core';
import { until } from '../../support/until';
import type { Workbench } from './workbench';

/** The block diff in the active editor, by what a person sees and does in it. */
export class BlockDiff {
  readonly frame: FrameLocator;
  readonly ranges: Locator;
  readonly bytes: Locator;
  readonly map: Locator;
  readonly find: Locator;

  private constructor(private readonly workbench: Workbench) {
    this.frame = workbench.page
      .frameLocator('iframe.webview.ready:visible')
      .frameLocator('iframe#active-frame');
    this.ranges = this.frame.getByRole('grid', { name: 'Changed ranges' });
    this.bytes = this.frame.getByRole('grid', { name: 'Bytes of the base and of the workspace' });
    this.map = this.frame.getByRole('slider', { name: 'Map of the file' });
    this.find = this.frame.getByRole('search');
  }

  /** The block diff of a file, once its tab is there. @param name without its folder */
  static async of(workbench: Workbench, name: string): Promise<BlockDiff> {
    await workbench.tab(`${name} (Block Diff)`).waitFor();
    const diff = new BlockDiff(workbench);
    await diff.ranges.waitFor();
    return diff;
  }

  /** Waits until the line above everything else says this of the file. */
  untilSummary(expected: RegExp): Promise<void> {
    return untilText(this.frame.locator('header'), expected);
  }

  /** Waits until the line below everything else says this of the place of the cursor. */
  untilPlace(expected: RegExp): Promise<void> {
    return untilText(this.frame.locator('footer'), expected);
  }

  /** Presses keys in the table of changed ranges. */
  pressInRanges(key: string): Promise<void> {
    return this.ranges.press(key);
  }

  /** Takes the cursor to an offset, as a person writes it. */
  async goToOffset(offset: string): Promise<void> {
    await this.bytes.press('Control+G');
    const input = this.workbench.quickInput.locator('input');
    await input.fill(offset);
    await input.press('Enter');
  }

  /** The cells of the line that the cursor is in: offset, digits and text of the base, those of the workspace. */
  async line(): Promise<string[]> {
    return this.bytes.getByRole('row', { selected: true }).getByRole('gridcell').allInnerTexts();
  }

  /** Clicks a button of the editor's title bar. */
  async clickAction(name: string): Promise<void> {
    const actions = this.workbench.page.locator('.editor-group-container.active .editor-actions');
    await actions.getByRole('button', { name }).click();
  }
}

async function untilText(locator: Locator, expected: RegExp): Promise<void> {
  let seen = '';
  await until(
    () => `${String(expected)} is shown, not ${JSON.stringify(seen)}`,
    async () => expected.test((seen = await locator.innerText())),
  );
}
