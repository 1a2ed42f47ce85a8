import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runChecked } from '../../test/support/command';
import type { Peer, Places } from '../peer';

export const overlayfs: Peer = {
  name: 'kernel overlayfs',
  async version() {
    return `overlayfs of Linux ${(await runChecked('uname', ['-r'])).trim()}`;
  },
  union: (places) => ({
    async mount() {
      const options = overlayOptions(places);
      await runChecked('mount', ['-t', 'overlay', 'overlay', '-o', options, places.mount]);
    },
    async unmount() {
      await runChecked('umount', [places.mount]);
    },
  }),
};

/** The branches as kernel overlayfs and fuse-overlayfs take them. */
export function overlayOptions({ base, scratch }: Places): string {
  const [upper, work] = [join(scratch, 'upper'), join(scratch, 'work')];
  for (const directory of [upper, work]) mkdirSync(directory, { recursive: true });
  return `lowerdir=${base},upperdir=${upper},workdir=${work}`;
}
