import type { Call, CallName, Calls, HostMessage, PageMessage } from './messages';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Calls the extension, by messages that are answered in any order. */
export class Connection {
  readonly #post: (message: PageMessage) => void;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(post: (message: PageMessage) => void) {
    this.#post = post;
  }

  /** @throws Error with the extension's reason */
  call<N extends CallName>(name: N, args: Parameters<Calls[N]>): Promise<ReturnType<Calls[N]>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // The answer to a call is what the table says, because the extension reads the same table.
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.#post({ kind: 'call', id, name, args } as Call);
    });
  }

  /** Takes in an answer. */
  settle(answer: Extract<HostMessage, { kind: 'answer' | 'refusal' }>): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.kind === 'answer') waiting?.resolve(answer.result);
    else waiting?.reject(new Error(answer.message));
  }
}
