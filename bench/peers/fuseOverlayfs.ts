import { runChecked } from '../../test/support/command';
import type { Peer } from '../peer';
import { overlayOptions } from './overlayfs';

export const fuseOverlayfs: Peer = {
  name: 'fuse-overlayfs',
  async version() {
    const lines = (await runChecked('fuse-overlayfs', ['--version'])).split('\n');
    return lines.find((line) => line.startsWith('fuse-overlayfs')) ?? 'fuse-overlayfs';
  },
  union: (places) => ({
    async mount() {
      await runChecked('fuse-overlayfs', ['-o', overlayOptions(places), places.mount]);
    },
    async unmount() {
      await runChecked('umount', [places.mount]);
    },
  }),
};
