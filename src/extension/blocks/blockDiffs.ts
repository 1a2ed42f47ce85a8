import {
  commands,
  l10n,
  window,
  type CustomDocument,
  type CustomReadonlyEditorProvider,
  type Disposable,
  type TextDocumentShowOptions,
  type Uri,
  type WebviewPanel,
} from 'vscode';
import { formatBytes } from '../../protocol/format';
import type { ByteRange } from '../../protocol/messages';
import type { PageCommand } from '../../webview/messages';
import { displayable } from '../changes/uris';
import { editorIds } from '../contributions';
import { Disposables } from '../disposables';
import type { Operations } from '../operations';
import type { Session } from '../workspaces/session';
import type { Sessions } from '../workspaces/sessions';
import { BlockDiffPanel } from './blockDiffPanel';
import { ComparedFile } from './comparedFile';
import { FileWatch } from './fileWatch';
import { parseOffset } from './offsets';
import { blocksUri, parseBlocksUri } from './uris';

/** The editors that compare files byte by byte. */
export class BlockDiffs implements CustomReadonlyEditorProvider, Disposable {
  private readonly disposables = new Disposables();
  private readonly panels = new Set<BlockDiffPanel>();

  /** @param known fulfilled when `sessions` knows the workspaces of the window */
  constructor(
    private readonly extensionUri: Uri,
    private readonly sessions: Sessions,
    private readonly operations: Operations,
    private readonly known: Promise<void>,
  ) {
    this.disposables.add(
      window.registerCustomEditorProvider(editorIds.blockDiff, this, {
        supportsMultipleEditorsPerDocument: true,
      }),
    );
  }

  dispose(): void {
    for (const panel of this.panels) panel.dispose();
    this.disposables.dispose();
  }

  /** Shows the block diff of a file. @param path relative to the mount */
  async open(session: Session, path: string, options: TextDocumentShowOptions = {}): Promise<void> {
    const uri = blocksUri(session.config, path);
    await commands.executeCommand('vscode.openWith', uri, editorIds.blockDiff, options);
  }

  openCustomDocument(uri: Uri): CustomDocument {
    return { uri, dispose: () => undefined };
  }

  resolveCustomEditor({ uri }: CustomDocument, panel: WebviewPanel): void {
    const file = new ComparedFile(parseBlocksUri(uri), this.sessions, this.known);
    const opened = new BlockDiffPanel({
      panel,
      extensionUri: this.extensionUri,
      file,
      watch: new FileWatch(file, this.sessions),
      discard: (target, range) => this.discard(target, range),
    });
    this.panels.add(opened);
    panel.onDidDispose(() => {
      this.panels.delete(opened);
      opened.dispose();
    });
  }

  /** Has the active block diff do something. */
  run(command: PageCommand): void {
    this.active?.run(command);
  }

  /** Asks for an offset and takes the active block diff there. */
  async goToOffset(): Promise<void> {
    const { active } = this;
    if (!active) return;
    const text = await window.showInputBox({
      title: l10n.t('Go to Offset'),
      placeHolder: l10n.t('For example 1048576, 0x100000 or 1M'),
      validateInput: (value) =>
        value.trim() === '' || parseOffset(value) !== undefined
          ? undefined
          : l10n.t('An offset is a number: decimal, hex after 0x, or with K, M, G or T.'),
    });
    const offset = text === undefined ? undefined : parseOffset(text);
    if (offset !== undefined) active.goTo(offset);
  }

  private get active(): BlockDiffPanel | undefined {
    return [...this.panels].find((panel) => panel.active);
  }

  /** Always asks, because a range, unlike whole files, does not come back by an undo. */
  private async discard(file: ComparedFile, range: ByteRange | null): Promise<boolean> {
    if (range === null) {
      void window.showInformationMessage(l10n.t('Put the cursor into a change to discard that.'));
      return false;
    }
    if (range.offset >= (await file.baseSize())) {
      void window.showInformationMessage(
        l10n.t('The base ends before this change: only the whole file can be discarded.'),
      );
      return false;
    }
    const size = formatBytes(range.length);
    const question = l10n.t('Discard the change of {0} at offset {1}?', size, hex(range.offset));
    const detail = l10n.t(
      "{0} gets the base's bytes back there. This cannot be undone.",
      displayable(file.path),
    );
    const yes = l10n.t('Discard');
    if ((await window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return false;
    const done = await this.operations.run(
      l10n.t('Discarding a range of {0}', displayable(file.path)),
      async () => {
        await file.discard(range);
        return true;
      },
    );
    return done ?? false;
  }
}

function hex(offset: number): string {
  return `0x${offset.toString(16).toUpperCase()}`;
}
