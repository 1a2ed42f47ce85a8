import { readFileSync } from 'node:fs';
import { runCommand } from './command';

/** The mount points at or below a directory, innermost first. Reads the kernel's table, touches no mount. */
export function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unescape(line.split(' ')[4] ?? ''))
    .filter((mount) => mount === directory || mount.startsWith(`${directory}/`))
    .reverse();
}

/** Detaches a mount whose daemon may be gone or hang. */
export async function forceUnmount(mount: string): Promise<void> {
  await (process.getuid?.() === 0
    ? runCommand('umount', ['--lazy', mount])
    : runCommand('fusermount3', ['-u', '-z', mount]));
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
