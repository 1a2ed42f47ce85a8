import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { until } from '../../support/until';
import { appears, disappears, inTime } from './appears';
import { Tree } from './tree';

/** One window of the editor, by what a person sees and does in it. */
export class Workbench {
  private loads = 0;

  private constructor(readonly page: Page) {
    page.on('load', () => (this.loads += 1));
  }

  /** The window at an address, once it can be used. */
  static async open(page: Page, url: string): Promise<Workbench> {
    const workbench = new Workbench(page);
    await page.goto(url);
    await workbench.untilReady();
    return workbench;
  }

  /** The window that a page is about to show, once it can be used. */
  static async of(page: Page): Promise<Workbench> {
    const workbench = new Workbench(page);
    await workbench.untilReady();
    return workbench;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.untilReady();
  }

  /** Waits until the window has reloaded itself, once since it was opened. */
  async untilReloaded(): Promise<void> {
    // As long as for a window to be ready: the reload waits for the mount, and other suites run beside this one.
    await until('the window reloads', () => this.loads > 1, 60_000);
    await this.untilReady();
  }

  /**
   * Waits until the window follows what programs do in its folder. VS Code starts to watch a folder some time after it
   * first shows it, and misses what is made in between.
   * @param folder in which files come and go for this
   */
  async untilWatching(folder: string): Promise<void> {
    await this.showContainer('Explorer');
    const files = this.tree('Files Explorer');
    await files.locator.getByRole('treeitem').first().waitFor();
    let tries = 0;
    await until(`the window watches ${folder}`, async () => {
      // A name of its own each time: a file that is made anew at once counts as changed, and is not shown.
      const name = `watched-${++tries}.txt`;
      writeFileSync(join(folder, name), '');
      const seen = await appears(files.row(name), 1_000);
      rmSync(join(folder, name));
      return seen && disappears(files.row(name), 10_000);
    });
  }

  private async untilReady(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 60_000 });
    await this.page.locator('.part.activitybar').getByRole('tab').first().waitFor();
  }

  /** Shows a view container, by its title. */
  async showContainer(title: string): Promise<void> {
    const tab = this.page.locator('.part.activitybar').getByRole('tab', { name: title });
    const header = this.page.locator('.part.sidebar .composite.title', { hasText: new RegExp(title, 'i') });
    await until(`the sidebar shows ${title}`, async () => {
      // A click on the tab of what is shown already hides it.
      if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
      return appears(header, 2_000);
    });
  }

  /** The tree of the sidebar's view of that name. */
  tree(view: string): Tree {
    return new Tree(
      this.page,
      this.page.locator('.part.sidebar').getByRole('tree', { name: view, exact: true }),
    );
  }

  /** Clicks an action in the header of a view, by how its name starts. */
  async runViewAction(view: string, action: string): Promise<void> {
    const header = this.page.locator('.part.sidebar .pane-header', { hasText: view });
    await header.hover();
    await header.getByRole('button', { name: new RegExp(`^${action}`) }).click();
  }

  async clipboardText(): Promise<string> {
    await this.page.context().grantPermissions(['clipboard-read']);
    return String(await this.page.evaluate('navigator.clipboard.readText()'));
  }

  /** Runs a command of the palette by its full title, as `Category: Title`, once the palette has it. */
  async runCommand(title: string): Promise<void> {
    await this.takeFrom('F1', `>${title}`, this.focusedRow(`[aria-label^="${title}"]`));
  }

  /** Opens a file of the window's folder, by its name or the end of its path. */
  async openFile(path: string): Promise<void> {
    await this.takeFrom('Control+P', path, this.focusedRow().filter({ hasText: basename(path) }));
    await this.untilTyping();
  }

  /** Opens the box at the top by a key, types into it, and takes the row that is then to be the first. */
  private async takeFrom(key: string, text: string, row: Locator): Promise<void> {
    const input = this.quickInput.locator('.quick-input-box input');
    const timeout = 2_000;
    await until(`${key} finds ${text}`, async () => {
      // The palette takes its commands when it opens.
      await this.page.keyboard.press('Escape');
      await this.page.keyboard.press(key);
      // A web view that comes or goes swallows the key, or closes the box by taking the focus.
      return (
        (await inTime(input.fill(text, { timeout }))) &&
        (await appears(row, timeout)) &&
        (await inTime(input.press('Enter', { timeout })))
      );
    });
  }

  private focusedRow(selector = ''): Locator {
    return this.quickInput.locator(`.monaco-list-row.focused${selector}`);
  }

  /** Searches the files of the window's folder, and returns the results. */
  async findInFiles(text: string): Promise<Tree> {
    await this.showContainer('Search');
    const input = this.page.locator('.search-view .search-widget .search-container textarea');
    await input.fill(text);
    await input.press('Enter');
    // The tree is named after what was found.
    return new Tree(this.page, this.page.locator('.search-view .results'));
  }

  /** Waits until what is typed goes into the text editor. */
  async untilTyping(): Promise<void> {
    await this.page.locator('.editor-instance:visible .monaco-editor.focused').waitFor();
  }

  /** The box at the top: palette, quick pick, input. */
  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible');
  }

  /** Takes a row of a quick pick by how its label starts. */
  async pick(label: string): Promise<void> {
    await this.quickInput.locator(`.monaco-list-row[aria-label^="${label}"]`).click();
  }

  /** The modal dialog. */
  get dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** Answers the modal dialog and returns all its text. */
  async answerDialog(button: string): Promise<string> {
    const text = await this.dialog.innerText();
    await this.dialog.getByRole('button', { name: button }).click();
    await this.dialog.waitFor({ state: 'detached' });
    return text;
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text });
  }

  /** The tab of an open editor, by its label. */
  tab(label: string | RegExp): Locator {
    return this.page.locator('.tabs-container').getByRole('tab', { name: label });
  }

  statusBarItem(text: string | RegExp): Locator {
    return this.page.locator('.part.statusbar .statusbar-item', { hasText: text });
  }

  /** Both sides of the diff editor that is shown, as the lines that are on the screen. */
  async diffSides(): Promise<{ original: string[]; modified: string[] }> {
    const diff = this.page.locator('.monaco-diff-editor:visible');
    await diff.waitFor();
    return {
      original: await lines(diff.locator('.original')),
      modified: await lines(diff.locator('.modified')),
    };
  }

  /** The lines of the text editor that are on the screen. */
  async editorLines(): Promise<string[]> {
    return lines(this.page.locator('.editor-instance:visible .monaco-editor'));
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

/** What is used here of an element in the browser. */
interface LineElement {
  readonly style: { readonly top: string };
  readonly textContent: string;
}

/** The editor keeps its lines in no particular order, and shows spaces as no-break ones. */
async function lines(editor: Locator): Promise<string[]> {
  const elements = await editor
    .locator('.view-line')
    .evaluateAll((all: readonly unknown[]) =>
      (all as readonly LineElement[]).map(({ style, textContent }) => ({ top: style.top, textContent })),
    );
  return elements
    .sort((a, b) => parseFloat(a.top) - parseFloat(b.top))
    .map(({ textContent }) => textContent.replaceAll('\u00a0', ' '));
}
