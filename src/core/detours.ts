import { randomBytes } from 'node:crypto';

const PREFIX = '.cowspace-moved-';

/** A name in the root of a base that nothing has, for what makes room for another. */
export function detourName(): string {
  return PREFIX + randomBytes(8).toString('hex');
}

/** Whether a base path is one that a commit gave something for the time being. */
export function isDetour(path: string): boolean {
  return path.startsWith(PREFIX);
}
