import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Writes into the mapping as a byte string, then keeps it until its input ends. */
const program = `
import mmap, sys
with open(sys.argv[1], 'r+b') as f:
    m = mmap.mmap(f.fileno(), 0)
    offset = int(sys.argv[2])
    m[offset:offset + len(sys.argv[3])] = sys.argv[3].encode()
    print('written', flush=True)
    sys.stdin.read()
`;

/** Has a program write text into a file through a shared mapping that it keeps, until the returned function is called. */
export async function writeThroughMapping(
  path: string,
  offset: number,
  text: string,
): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn('python3', ['-c', program, path, String(offset), text], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return async () => {
    child.stdin!.end();
    await once(child, 'close');
  };
}
