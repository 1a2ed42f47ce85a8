const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A size for people, in units of 1024 as the editor shows them: `0 B`, `12 KB`, `1.5 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit] ?? ''}`;
}
