import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cowspace } from '../../test/support/cowspace';
import { projectDirectory } from '../../test/support/users';
import type { Peer, Places, Union } from '../peer';

const NAME = 'bench';

export const cowspace: Peer = {
  name: 'cowspace',
  version() {
    const manifest = JSON.parse(readFileSync(join(projectDirectory, 'package.json'), 'utf8')) as {
      version: string;
    };
    return Promise.resolve(`cowspace ${manifest.version}, node ${process.version}`);
  },
  union: (places) => new Workspace(places),
};

class Workspace implements Union {
  readonly #places: Places;
  readonly #cowspace: Cowspace;
  #created = false;

  constructor(places: Places) {
    this.#places = places;
    this.#cowspace = new Cowspace(places.home);
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
