import type { Memento } from 'vscode';

/** The discards of one workspace that this window can undo, as `discard/undo` names them; survives a reload. */
export class DiscardHistory {
  private readonly key: string;

  constructor(
    private readonly memento: Memento,
    workspace: string,
  ) {
    this.key = `discards.${workspace}`;
  }

  get last(): string | undefined {
    return this.ids.at(-1);
  }

  async push(id: string): Promise<void> {
    await this.memento.update(this.key, [...this.ids, id]);
  }

  async remove(id: string): Promise<void> {
    const rest = this.ids.filter((each) => each !== id);
    await this.memento.update(this.key, rest.length > 0 ? rest : undefined);
  }

  private get ids(): readonly string[] {
    return this.memento.get<readonly string[]>(this.key, []);
  }
}
