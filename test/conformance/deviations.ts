/**
 * What cowspace does otherwise than a plain directory: by the heading of docs/CONFORMANCE.md that explains it,
 * the titles of the tests that show it.
 */
const deviations: Readonly<Record<string, RegExp>> = {
  'Access times': /^Times (write \S+ changes|listing a directory (scratch-only|merged)) /,
  'Link counts of directories': /^Identity link counts of directories base-only /,
};

/** The headings under which deviations are explained. */
export const deviationHeadings: readonly string[] = Object.keys(deviations);

/** The heading that explains why a test fails on cowspace; undefined for a test that must not. */
export function deviationOf(test: string): string | undefined {
  return Object.entries(deviations).find(([, tests]) => tests.test(test))?.[0];
}
