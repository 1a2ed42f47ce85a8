import type { Disposable } from 'vscode';

/** Owns what must be disposed of together, the last one first. */
export class Disposables implements Disposable {
  private readonly items: Disposable[] = [];

  add<T extends Disposable>(item: T): T {
    this.items.push(item);
    return item;
  }

  dispose(): void {
    while (this.items.length > 0) this.items.pop()!.dispose();
  }
}
