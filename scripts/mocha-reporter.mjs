// Prints as mocha's own reporter does; when all is done it writes the counts and what failed
// to the file COWSPACE_TEST_COUNTS.
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

export default class CountingReporter extends Mocha.reporters.Spec {
  /**
   * @param {Mocha.Runner} runner
   * @param {Mocha.MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.COWSPACE_TEST_COUNTS;
    if (file === undefined) return;
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const broken = this.failures.map((test) => `${test.fullTitle()}: ${firstLine(test.err)}`);
      writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending, broken }));
    });
  }
}

/** @param {Error | undefined} error */
function firstLine(error) {
  return error?.message.split('\n', 1)[0] ?? '';
}
