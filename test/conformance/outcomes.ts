/** What became of one test on one target. */
export interface Outcome {
  readonly area: string;
  /** Full title. */
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
}
