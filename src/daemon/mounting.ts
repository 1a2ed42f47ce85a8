import type { Mount } from '../driver/driver';
import { mountFuseNative } from '../driver/fuse-native/mount';
import { mountKernel } from '../driver/kernel/mount';
import type { WorkspaceConfig } from '../protocol/registry';
import { EngineHost } from './engineHost';
import { LocalPlace } from './localPlace';
import { prepareMountPoint } from './locations';
import type { Log } from './log';
import { ThreadPlace } from './threadPlace';

/** A workspace whose engine works. */
export interface Mounted {
  readonly engine: EngineHost;
  /** Null: the files are there in the editor alone. */
  readonly mount: Mount | null;
  readonly mountPoint: string;
}

/** Opens the engine where the workspace's driver needs it, and mounts. @throws CowspaceError */
export async function mountByDriver(config: WorkspaceConfig, log: Log): Promise<Mounted> {
  if (config.driver !== 'editor') await prepareMountPoint(config.mount);
  switch (config.driver) {
    case 'kernel':
      return mountWithKernel(config, log);
    case 'fuse-native':
      return mountWithFuseNative(config, log);
    case 'editor':
      return serveWithoutMount(config, log);
  }
}

async function serveWithoutMount(config: WorkspaceConfig, log: Log): Promise<Mounted> {
  const place = new ThreadPlace(config);
  const engine = await EngineHost.open(place, log);
  place.serve(null);
  return { engine, mount: null, mountPoint: config.mount };
}

async function mountWithKernel(config: WorkspaceConfig, log: Log): Promise<Mounted> {
  const place = new ThreadPlace(config);
  const engine = await EngineHost.open(place, log);
  return serve(engine, config, async () => {
    const { fd, mount } = await mountKernel(config.mount, config);
    place.serve(fd);
    return mount;
  });
}

async function mountWithFuseNative(config: WorkspaceConfig, log: Log): Promise<Mounted> {
  const place = new LocalPlace(config);
  const engine = await EngineHost.open(place, log);
  return serve(engine, config, async () => {
    const { session, mount } = await mountFuseNative(place.fs, config.mount, config, place.log);
    place.serve(session);
    return mount;
  });
}

async function serve(
  engine: EngineHost,
  { mount: mountPoint }: WorkspaceConfig,
  makeMount: () => Promise<Mount>,
): Promise<Mounted> {
  try {
    const mount = await makeMount();
    engine.mounted(mount);
    return { engine, mount, mountPoint };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}
