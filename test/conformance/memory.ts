import { addressOf, bind } from '../../src/sys/libc';
import { succeeds } from './calls';

const libc = {
  mmap: bind('mmap', 'int64', ['void *', 'unsigned long', 'int', 'int', 'int', 'int64']),
  munmap: bind('munmap', 'int', ['int64', 'unsigned long']),
  msync: bind('msync', 'int', ['int64', 'unsigned long', 'int']),
  load: bind('memcpy', 'int64', ['void *', 'int64', 'unsigned long']),
  store: bind('memcpy', 'int64', ['int64', 'void *', 'unsigned long']),
};
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MS_SYNC = 4;
const PAGE = 4096;

/** The first bytes of a file, mapped shared. */
export class Mapping {
  readonly #address: number;
  readonly #length: number;

  /** @param fd for reading and writing */
  constructor(fd: number, length: number) {
    this.#address = succeeds(libc.mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0));
    this.#length = length;
  }

  read(offset: number, length: number): string {
    const bytes = Buffer.alloc(length);
    libc.load(bytes, this.#address + offset, length);
    return bytes.toString('latin1');
  }

  write(offset: number, text: string): void {
    libc.store(this.#address + offset, Buffer.from(text, 'latin1'), text.length);
  }

  sync(): void {
    succeeds(libc.msync(this.#address, this.#length, MS_SYNC));
  }

  unmap(): void {
    succeeds(libc.munmap(this.#address, this.#length));
  }
}

/** A page that begins at a page's boundary, as `O_DIRECT` wants it. */
export function alignedPage(): Buffer {
  const room = Buffer.allocUnsafeSlow(2 * PAGE);
  const start = (PAGE - Number(addressOf(room) % BigInt(PAGE))) % PAGE;
  return room.subarray(start, start + PAGE);
}
