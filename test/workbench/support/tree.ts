import type { Locator, Page } from 'playwright-core';
import { until } from '../../support/until';

/** As in the browser, where alone it is called. */
declare const getComputedStyle: (element: unknown, pseudo: string) => { readonly content: string };

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
  async untilLabels(expected: readonly string[]): Promise<void> {
    let seen: readonly string[] = [];
    await until(
      () => `the rows are ${expected.join(', ')}, not ${seen.join(', ')}`,
      async () => {
        seen = await this.labels();
        return seen.join('\0') === expected.join('\0');
      },
    );
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

  /** Selects several rows. */
  async select(...labels: string[]): Promise<void> {
    for (const [index, label] of labels.entries()) {
      await this.row(label).click({ modifiers: index === 0 ? [] : ['Control'] });
    }
  }

  /** The letters beside a row, such as `M`, that a file decoration puts there. */
  async badge(label: string): Promise<string> {
    const icon = this.row(label).locator('.monaco-icon-label').first();
    const content = await icon.evaluate((element) => getComputedStyle(element, '::after').content);
    return content.replace(/^"|"$/g, '');
  }
}
