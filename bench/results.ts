import type { Unit } from './scenario';

/** The values of one metric by the peer's name, one for each repetition. */
export interface Row {
  readonly metric: string;
  readonly unit: Unit;
  readonly values: Map<string, number[]>;
}

/** What one scenario measured, in the order in which it did. */
export class Results {
  readonly #rows = new Map<string, Row>();

  add(peer: string, metric: string, unit: Unit, value: number): void {
    const row = this.#rows.get(metric) ?? { metric, unit, values: new Map<string, number[]>() };
    this.#rows.set(metric, row);
    row.values.set(peer, [...(row.values.get(peer) ?? []), value]);
  }

  /** A table in Markdown. Each peer's median, its spread, and how many times the first peer's median that is. */
  table(peers: readonly string[]): string {
    const lines = [...this.#rows.values()].map((row) => cells([row.metric, ...rowCells(row, peers)]));
    return [cells(['', ...peers]), cells(['---', ...peers.map(() => '---:')]), ...lines].join('\n');
  }
}

function cells(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}

function rowCells({ unit, values }: Row, peers: readonly string[]): string[] {
  const reference = median(values.get(peers[0]!) ?? []);
  return peers.map((peer, i) => {
    const own = values.get(peer);
    if (own === undefined) return 'failed';
    const spread = `${format(Math.min(...own), unit)} – ${format(Math.max(...own), unit)}`;
    const ratio = i === 0 ? '' : ` **${formatRatio(median(own) / reference)}×**`;
    return `${format(median(own), unit)}${ratio}<br>(${spread})`;
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function formatRatio(ratio: number): string {
  return ratio < 10 ? ratio.toPrecision(2) : Math.round(ratio).toLocaleString('en');
}

function format(value: number, unit: Unit): string {
  switch (unit) {
    case 'ms':
      return value < 999.5 ? `${Number(value.toPrecision(3))} ms` : `${(value / 1000).toFixed(2)} s`;
    case 'bytes':
      return value < 1 << 20 ? `${Math.ceil(value / 1024)} KiB` : `${(value / (1 << 20)).toFixed(1)} MiB`;
  }
}
