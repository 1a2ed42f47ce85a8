/** Environment variables that tell the tests in the extension host what was made for them outside. */
export const environmentNames = {
  /** The base of the workspace that the window shows. */
  base: 'COWSPACE_TEST_BASE',
  /** The file to write the counts of tests to; see scripts/mocha-reporter.mjs. */
  counts: 'COWSPACE_TEST_COUNTS',
} as const;

/** First argument of `console.log` for what the tests print, which else drowns in what the window prints. */
export const reportMarker = 'cowspace-test-report';
