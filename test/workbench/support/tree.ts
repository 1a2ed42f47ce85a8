import { inspect, isDeepStrictEqual } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { until } from '../../support/until';
import { appears, disappears } from './appears';

/** What is used here of an element in the browser. */
interface RowElement {
  readonly textContent: string;
  querySelector(selectors: string): RowElement | null;
}

/** As in the browser, where alone it is called. */
declare const getComputedStyle: (element: RowElement, pseudo: string) => { readonly content: string };

/** A tree view in the sidebar. */
export class Tree {
  constructor(
    private readonly page: Page,
    readonly locator: Locator,
  ) {}

  /** The labels of the rows on the screen, from the top. */
  async labels(): Promise<string[]> {
    return this.locator.getByRole('treeitem').locator('.label-name').allTextContents();
  }

  /** Waits until these are the rows, from the top. */
  untilLabels(expected: readonly string[]): Promise<void> {
    return untilEqual('rows', expected, () => this.labels());
  }

  /** Waits until these are the rows, from the top, with the letters that file decorations put beside them. */
  untilBadges(expected: Readonly<Record<string, string>>): Promise<void> {
    return untilEqual('badges', Object.entries(expected), () => this.badges());
  }

  /** Waits for a row and returns when it was drawn, in milliseconds since 1970. */
  async untilDrawn(label: string): Promise<number> {
    const drawn = await this.page.waitForFunction(
      `[...document.querySelectorAll('.part.sidebar .label-name')]
        .some((element) => element.textContent === ${JSON.stringify(label)}) && Date.now()`,
    );
    return Number(await drawn.jsonValue());
  }

  row(label: string): Locator {
    const exact = new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    return this.locator
      .getByRole('treeitem')
      .filter({ has: this.page.locator('.label-name', { hasText: exact }) });
  }

  /** Clicks an action that a row shows while the mouse is over it. */
  async runInlineAction(label: string, action: string): Promise<void> {
    await this.row(label).hover();
    await this.row(label).getByRole('button', { name: action }).click();
  }

  /** Chooses from a row's context menu, by how the entry's label starts, once the menu has it. */
  async runContextAction(label: string, action: string): Promise<void> {
    const entry = this.page.locator(`.context-view .action-label[aria-label^="${action}"]`);
    await until(`the menu of ${label} has ${action}`, async () => {
      await this.page.keyboard.press('Escape');
      await this.row(label).click({ button: 'right' });
      return appears(entry, 1_000);
    });
    await until(`the menu of ${label} obeys`, async () => {
      // A click that comes right after the menu is taken for the end of the one that opened it.
      await entry.click();
      return disappears(entry, 1_000);
    });
  }

  /** Sets or clears the check boxes of rows. */
  async check(...labels: string[]): Promise<void> {
    for (const label of labels) await this.row(label).getByRole('checkbox').click();
  }

  /** Waits until these are the rows whose box is checked, from the top. */
  untilChecked(expected: readonly string[]): Promise<void> {
    const checked = this.locator
      .getByRole('treeitem')
      .filter({ has: this.page.getByRole('checkbox', { checked: true }) });
    return untilEqual('checked rows', expected, () => checked.locator('.label-name').allTextContents());
  }

  /** Selects several rows. */
  async select(...labels: string[]): Promise<void> {
    for (const [index, label] of labels.entries()) {
      await this.row(label).click({ modifiers: index === 0 ? [] : ['Control'] });
    }
  }

  private async badges(): Promise<string[][]> {
    const badges = await this.locator.getByRole('treeitem').evaluateAll((rows: readonly unknown[]) =>
      (rows as readonly RowElement[]).map((row) => {
        const label = row.querySelector('.monaco-icon-label')!;
        return [label.querySelector('.label-name')!.textContent, getComputedStyle(label, '::after').content];
      }),
    );
    return badges.map(([label, content]) => [label!, content!.replace(/^"|"$/g, '')]);
  }
}

async function untilEqual(what: string, expected: unknown, probe: () => Promise<unknown>): Promise<void> {
  let seen: unknown;
  await until(
    () => `${what} are ${inspect(expected)}, not ${inspect(seen)}`,
    async () => isDeepStrictEqual((seen = await probe()), expected),
  );
}
