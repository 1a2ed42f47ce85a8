import { read, write } from '../sys/file';

const ONE = Buffer.alloc(8);
ONE.writeUInt8(1);
const counter = Buffer.alloc(8);

/** Makes an eventfd readable, which ends a thread's poll on it. */
export function raise(wakeFd: number): void {
  write(wakeFd, ONE, ONE.length);
}

/** Makes it unreadable again. To miss nothing, look for work after this, not before. */
export function reset(wakeFd: number): void {
  read(wakeFd, counter, counter.length);
}
