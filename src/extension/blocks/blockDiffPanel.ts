import { basename } from 'node:path/posix';
import { env, l10n, window, type Disposable, type Uri, type WebviewPanel } from 'vscode';
import { asCowspaceError } from '../../protocol/errors';
import { formatBytes } from '../../protocol/format';
import type { ByteRange, Side } from '../../protocol/messages';
import type { Call, CallName, Calls, HostMessage, PageCommand, PageMessage } from '../../webview/messages';
import { displayable } from '../changes/uris';
import { Disposables } from '../disposables';
import type { ComparedFile } from './comparedFile';
import type { FileWatch } from './fileWatch';
import { pageOf, resourceRoot } from './page';
import { searchChanges } from './search';
import { pageStrings } from './strings';

/** Most bytes that are copied. */
const MAX_COPY = 1 << 20;

export interface PanelOptions {
  readonly panel: WebviewPanel;
  readonly extensionUri: Uri;
  readonly file: ComparedFile;
  readonly watch: FileWatch;
  /** Discards a range after a question; null: none is chosen. Returns whether it did. */
  readonly discard: (file: ComparedFile, range: ByteRange | null) => Promise<boolean>;
}

/** The block diff of one file in one editor: answers its page, and tells it what happens. */
export class BlockDiffPanel implements Disposable {
  private readonly disposables = new Disposables();
  /** Aborted when the page goes. */
  private page = new AbortController();

  constructor(private readonly options: PanelOptions) {
    const { panel, extensionUri, file, watch } = options;
    const { webview } = panel;
    this.disposables.add(watch);
    this.disposables.add(watch.onDidChange(() => this.post({ kind: 'changed' })));
    this.disposables.add(
      watch.onDidChangeState(() => this.post({ kind: 'mounted', mounted: file.isReachable })),
    );
    this.disposables.add(webview.onDidReceiveMessage((message: PageMessage) => this.receive(message)));
    // A page that is not shown is gone, and nobody waits for its answers.
    this.disposables.add(panel.onDidChangeViewState(() => panel.visible || this.cancelAll()));
    panel.title = l10n.t('{0} (Block Diff)', displayable(basename(file.path)));
    webview.options = { enableScripts: true, localResourceRoots: [resourceRoot(extensionUri)] };
    webview.html = pageOf(webview, extensionUri);
  }

  dispose(): void {
    this.cancelAll();
    this.disposables.dispose();
  }

  get active(): boolean {
    return this.options.panel.active;
  }

  run(command: PageCommand): void {
    this.post({ kind: 'command', command });
  }

  goTo(offset: number): void {
    this.post({ kind: 'goTo', offset });
  }

  private post(message: HostMessage): void {
    void this.options.panel.webview.postMessage(message);
  }

  private receive(message: PageMessage): void {
    switch (message.kind) {
      case 'ready':
        this.post({ kind: 'start', strings: pageStrings(), mounted: this.options.file.isReachable });
        break;
      case 'call':
        void this.answer(message);
        break;
    }
  }

  private async answer(call: Call): Promise<void> {
    const { id } = call;
    try {
      const result = await this.perform(call, this.page.signal);
      this.post({ kind: 'answer', id, result });
    } catch (error) {
      this.post({ kind: 'refusal', id, message: asCowspaceError(error).message });
    }
  }

  private perform(call: Call, signal: AbortSignal): Promise<ReturnType<Calls[CallName]>> {
    const { file } = this.options;
    switch (call.name) {
      case 'ranges':
        return file.ranges(...call.args, signal);
      case 'summary':
        return file.summary(...call.args, signal);
      case 'read':
        return this.read(...call.args, signal);
      case 'search':
        return this.search(...call.args, signal);
      case 'copy':
        return this.copy(...call.args);
      case 'discard':
        return this.discard(...call.args);
    }
  }

  /** As an array of its own, because what a message carries takes its whole buffer along. */
  private async read(side: Side, offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return Uint8Array.from(await this.options.file.read(side, offset, length, signal));
  }

  private search(pattern: Uint8Array, from: number, signal: AbortSignal): ReturnType<typeof searchChanges> {
    const { file } = this.options;
    const searched = {
      ranges: (offset: number) => file.ranges(offset, signal),
      read: (side: Side, offset: number, length: number) => file.read(side, offset, length, signal),
    };
    return searchChanges(searched, pattern, from);
  }

  private async copy(side: Side, { offset, length }: ByteRange): Promise<void> {
    if (length > MAX_COPY) {
      const message = l10n.t(
        'These are {0}. Up to {1} can be copied.',
        formatBytes(length),
        formatBytes(MAX_COPY),
      );
      void window.showInformationMessage(message);
      return;
    }
    const bytes = await this.options.file.read(side, offset, length);
    await env.clipboard.writeText(bytes.toString('hex').replaceAll(/..(?!$)/g, '$& '));
    window.setStatusBarMessage(l10n.t('Copied {0} as hex', formatBytes(bytes.length)), 3000);
  }

  private async discard(range: ByteRange | null): Promise<void> {
    if (await this.options.discard(this.options.file, range)) this.post({ kind: 'changed' });
  }

  private cancelAll(): void {
    this.page.abort();
    this.page = new AbortController();
  }
}
