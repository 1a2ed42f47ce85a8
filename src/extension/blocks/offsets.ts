const units = new Map([
  ['', 1],
  ['k', 2 ** 10],
  ['m', 2 ** 20],
  ['g', 2 ** 30],
  ['t', 2 ** 40],
]);

/** An offset as people write it: `1024`, `0x400`, `1K`, `1.5G`. Returns undefined for anything else. */
export function parseOffset(text: string): number | undefined {
  const compact = text.trim().replaceAll(/[\s_,]/g, '');
  if (/^0x[0-9a-f]+$/i.test(compact)) return exactly(Number(compact));
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(compact) ?? [];
  if (digits === undefined) return undefined;
  return exactly(Math.floor(Number(digits) * units.get((unit ?? '').toLowerCase())!));
}

function exactly(offset: number): number | undefined {
  return Number.isSafeInteger(offset) ? offset : undefined;
}
