import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** What programs do in a tree that {@link makeBase} and {@link prepare} made, each to an entry of its own. */
export const operations: Record<string, (root: string, i: number) => void> = {
  create: (root, i) => {
    writeDurably(join(root, `new${i}`), `new ${i}`, 'wx');
  },
  write: (root, i) => {
    writeDurably(join(root, `written${i}`), `WRITTEN ${i}`.padEnd(3000, '!'), 'r+');
  },
  append: (root, i) => {
    writeDurably(join(root, `appended${i}`), 'more', 'a');
  },
  chmod: (root, i) => {
    chmodSync(join(root, `chmod${i}`), 0o600);
  },
  unlink: (root, i) => {
    unlinkSync(join(root, `unlinked${i}`));
  },
  rename: (root, i) => {
    renameSync(join(root, `renamed${i}`), join(root, `there${i}`));
  },
  renameDirectory: (root, i) => {
    renameSync(join(root, `directory${i}`), join(root, `moved${i}`));
  },
  makeDirectory: (root, i) => {
    mkdirSync(join(root, `made${i}`));
  },
  removeDirectory: (root, i) => {
    rmdirSync(join(root, `empty${i}`));
  },
  replaceDirectory: (root, i) => {
    mkdirSync(join(root, `gone${i}`));
  },
  link: (root, i) => {
    linkSync(join(root, `linked${i}`), join(root, `link${i}`));
  },
  symlink: (root, i) => {
    symlinkSync('x'.repeat(100), join(root, `symlink${i}`));
  },
  inside: (root, i) => {
    writeDurably(join(root, `inside${i}/new`), `inside ${i}`, 'w');
  },
};

/** Makes what the operations work on, from 0 up to a number. */
export function makeBase(base: string, count: number): void {
  for (let i = 0; i < count; i++) {
    for (const name of ['written', 'appended', 'chmod', 'unlinked', 'renamed', 'linked'])
      writeFileSync(join(base, `${name}${i}`), `${name} ${i}`);
    for (const name of ['directory', 'empty', 'gone', 'inside']) mkdirSync(join(base, `${name}${i}`));
    writeFileSync(join(base, `directory${i}/file`), `file ${i}`);
  }
}

/** Removes what an operation makes anew. */
export function prepare(root: string, count: number): void {
  for (let i = 0; i < count; i++) rmdirSync(join(root, `gone${i}`));
}

function writeDurably(path: string, text: string, flags: string): void {
  const fd = openSync(path, flags);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
