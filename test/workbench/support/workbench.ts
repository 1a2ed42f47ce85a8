import { basename } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { Tree } from './tree';

/** One window of the editor, by what a person sees and does in it. */
export class Workbench {
  private constructor(readonly page: Page) {}

  /** The window that a page is going to show, once it can be used. */
  static async of(page: Page): Promise<Workbench> {
    await page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 60_000 });
    await page.locator('.part.activitybar').getByRole('tab').first().waitFor();
    return new Workbench(page);
  }

  /** Shows a view container, by its title. */
  async showContainer(title: string): Promise<void> {
    const tab = this.page.locator('.part.activitybar').getByRole('tab', { name: title });
    // A click on the tab of what is shown already hides it.
    if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
    await this.sidebarTitle(title).waitFor();
  }

  sidebarTitle(title: string): Locator {
    return this.page.locator('.part.sidebar .composite.title', { hasText: new RegExp(title, 'i') });
  }

  /** The tree of the sidebar's view of that name. */
  tree(view: string): Tree {
    return new Tree(
      this.page,
      this.page.locator('.part.sidebar').getByRole('tree', { name: view, exact: true }),
    );
  }

  /** Runs a command of the palette by its full title, as `Category: Title`. */
  async runCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.quickInput.locator('.quick-input-box input');
    await input.fill(`>${title}`);
    await this.quickInput.locator(`.monaco-list-row.focused[aria-label^="${title}"]`).waitFor();
    await input.press('Enter');
  }

  /** Opens a file of the window's folder, by its name or the end of its path. */
  async openFile(path: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    const input = this.quickInput.locator('.quick-input-box input');
    await input.fill(path);
    await this.quickInput.locator('.monaco-list-row.focused', { hasText: basename(path) }).waitFor();
    await input.press('Enter');
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

/** The editor keeps its lines in no particular order, and shows spaces as no-break ones. */
async function lines(editor: Locator): Promise<string[]> {
  const elements = await editor.locator('.view-line').all();
  const shown = await Promise.all(
    elements.map(async (element) => {
      const style = (await element.getAttribute('style')) ?? '';
      const top = Number(/top:\s*(\d+)px/.exec(style)?.[1]);
      return { top, text: ((await element.textContent()) ?? '').replaceAll('\u00a0', ' ') };
    }),
  );
  return shown.sort((a, b) => a.top - b.top).map(({ text }) => text);
}
