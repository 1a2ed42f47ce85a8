import { setTimeout as sleep } from 'node:timers/promises';
import {
  commands,
  EventEmitter,
  l10n,
  ProgressLocation,
  window,
  type Disposable,
  type LogOutputChannel,
  type Progress as EditorProgress,
} from 'vscode';
import type { RequestOptions } from '../protocol/client';
import { asCowspaceError } from '../protocol/errors';
import type { Progress } from '../protocol/messages';
import { viewIds, type CommandId } from './contributions';
import { setContext } from './editor';

/** Milliseconds after which an operation shows its progress in a notification. */
const PATIENCE = 500;

/** Runs what takes long: with progress, a way to cancel it, and errors told to the user. */
export class Operations implements Disposable {
  private readonly didChange = new EventEmitter<void>();
  /** The first began, or the last ended. */
  readonly onDidChange = this.didChange.event;
  private running = 0;

  constructor(private readonly log: LogOutputChannel) {}

  dispose(): void {
    this.didChange.dispose();
  }

  get busy(): boolean {
    return this.running > 0;
  }

  /** Returns what the task returns, or undefined when it failed or was cancelled; the user knows by then. */
  async run<T>(title: string, task: (options: RequestOptions) => Promise<T>): Promise<T | undefined> {
    this.count(1);
    try {
      return await this.showProgress(title, task);
    } catch (error) {
      this.tell(title, error);
      return undefined;
    } finally {
      this.count(-1);
    }
  }

  private async showProgress<T>(title: string, task: (options: RequestOptions) => Promise<T>): Promise<T> {
    const cancellation = new AbortController();
    let onProgress: (progress: Progress) => void = () => undefined;
    const work = task({ signal: cancellation.signal, onProgress: (progress) => onProgress(progress) });
    void window.withProgress({ location: { viewId: viewIds.changes } }, () => work.catch(() => undefined));
    const late = sleep(PATIENCE, 'late' as const);
    if ((await Promise.race([work, late])) !== 'late') return work;
    const location = ProgressLocation.Notification;
    return window.withProgress({ location, title, cancellable: true }, (progress, token) => {
      token.onCancellationRequested(() => cancellation.abort());
      onProgress = relayTo(progress);
      return work;
    });
  }

  private tell(title: string, error: unknown): void {
    const { code, message, stack } = asCowspaceError(error);
    if (code === 'cancelled') return;
    this.log.error(code === 'internal' ? `${title}: ${stack ?? message}` : `${title}: ${message}`);
    const showLog = l10n.t('Show Log');
    void window.showErrorMessage(message, showLog).then((choice) => {
      const command: CommandId = 'cowspace.showLog';
      if (choice === showLog) void commands.executeCommand(command);
    });
  }

  private count(change: number): void {
    const before = this.busy;
    this.running += change;
    if (this.busy === before) return;
    void setContext('busy', this.busy);
    this.didChange.fire();
  }
}

/** The editor wants increments, in percent. */
function relayTo(
  target: EditorProgress<{ message?: string; increment?: number }>,
): (progress: Progress) => void {
  let reported = 0;
  return ({ done, total, path }) => {
    const percent = total > 0 ? (100 * done) / total : 0;
    target.report({ increment: percent - reported, ...(path !== undefined && { message: path }) });
    reported = percent;
  };
}
