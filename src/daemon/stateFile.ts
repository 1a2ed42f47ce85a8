import { type DaemonState, writeState } from '../protocol/registry';

/** Milliseconds between two writes while the workspace is in use. */
const INTERVAL = 2000;

/** Keeps `daemon.json` up to date, by which clients find the daemon, or learn what it held last. */
export class StateFile {
  readonly #directory: string;
  #state: DaemonState;
  #timer: NodeJS.Timeout | undefined;
  #written: Promise<void> = Promise.resolve();

  /** @param directory the folder that describes the workspace */
  constructor(directory: string, state: DaemonState) {
    this.#directory = directory;
    this.#state = state;
  }

  get storedBytes(): number {
    return this.#state.storedBytes;
  }

  /** Notes what the scratch holds; written soon. */
  setStoredBytes(storedBytes: number): void {
    if (this.#state.storedBytes === storedBytes) return;
    this.#state = { ...this.#state, storedBytes };
    this.#timer ??= setTimeout(() => {
      void this.write().catch(() => undefined);
    }, INTERVAL);
  }

  /** Writes the state, changed as said, at once. */
  write(change: Partial<DaemonState> = {}): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = { ...this.#state, ...change };
    const state = this.#state;
    this.#written = this.#written.catch(() => undefined).then(() => writeState(this.#directory, state));
    return this.#written;
  }
}
