import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import {
  asCowspaceError,
  CowspaceError,
  errorMessageSchema,
  failedWith,
  fromErrorMessage,
  toErrorMessage,
} from '../../../src/protocol/errors';
import { E, FsError } from '../../../src/sys/errno';

describe('errors', () => {
  it('travel between processes', () => {
    const conflicts = [{ path: 'a', reason: 'It moved.' }];
    const error = new CowspaceError('conflict', 'One conflict.', { path: 'a', conflicts });
    const received = fromErrorMessage(
      errorMessageSchema.parse(JSON.parse(JSON.stringify(toErrorMessage(error)))),
    );
    assert.deepEqual(toErrorMessage(received), toErrorMessage(error));
    assert.deepEqual(received.conflicts, conflicts);
    assert.deepEqual(toErrorMessage(new CowspaceError('busy', 'No.')), { code: 'busy', message: 'No.' });
  });

  it('are told apart: failed system calls from what nobody foresaw', () => {
    assert.equal(asCowspaceError(new FsError(E.ENOSPC, 'write')).code, 'io');
    assert.match(asCowspaceError(new FsError(E.ENOSPC, 'write')).message, /^ENOSPC: /);
    assert.equal(asCowspaceError(new TypeError('x')).code, 'internal');
    assert.equal(asCowspaceError('text').message, 'text');
    try {
      readFileSync('/nonexistent');
      assert.fail();
    } catch (error) {
      assert(failedWith(error, 'EACCES', 'ENOENT'));
      assert(!failedWith(error, 'EACCES'));
      assert.equal(asCowspaceError(error).code, 'io');
    }
  });
});
