import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cowspace } from '../../test/support/cowspace';
import type { MountDriver } from '../../test/support/drivers';
import { currentUser, projectDirectory } from '../../test/support/users';
import type { Peer, Places, Union } from '../peer';

const NAME = 'bench';

export const cowspace = workspaces('cowspace', 'kernel');
export const cowspaceByFuseNative = workspaces('cowspace by fuse-native', 'fuse-native');

function workspaces(name: string, driver: MountDriver): Peer {
  return {
    name,
    version() {
      const manifest = JSON.parse(readFileSync(join(projectDirectory, 'package.json'), 'utf8')) as {
        version: string;
      };
      return Promise.resolve(`${name} ${manifest.version}, driver ${driver}, node ${process.version}`);
    },
    union: (places) => new Workspace(places, driver),
  };
}

class Workspace implements Union {
  readonly #places: Places;
  readonly #cowspace: Cowspace;
  #created = false;

  constructor(places: Places, driver: MountDriver) {
    this.#places = places;
    this.#cowspace = new Cowspace(places.home, currentUser(), driver);
  }

  async mount(): Promise<void> {
    const { base, scratch, mount } = this.#places;
    if (this.#created) await this.#cowspace.mount(NAME);
    else await this.#cowspace.create([base], '--name', NAME, '--scratch', scratch, '--mount', mount);
    this.#created = true;
  }

  async unmount(): Promise<void> {
    await this.#cowspace.json(['unmount', NAME]);
  }
}
