import { runChecked } from '../../test/support/command';
import type { Peer } from '../peer';

export const unionfsFuse: Peer = {
  name: 'unionfs-fuse',
  async version() {
    const lines = (await runChecked('unionfs', ['-V'])).split('\n');
    return lines.find((line) => line.startsWith('unionfs-fuse')) ?? 'unionfs-fuse';
  },
  union: ({ base, scratch, mount }) => ({
    async mount() {
      await runChecked('unionfs', ['-o', 'cow', `${scratch}=RW:${base}=RO`, mount]);
    },
    async unmount() {
      await runChecked('umount', [mount]);
    },
  }),
};
