import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { DEFAULT_DELTA_THRESHOLD } from './deltaThreshold';
import { CowspaceError, failedWith } from './errors';
import type { Home } from './home';
import { driverNames } from './messages';

/** Raised when `workspace.json` changes in a way that an older version would misread. */
const CONFIG_VERSION = 1;

export const workspaceConfigSchema = z.object({
  version: z.literal(CONFIG_VERSION),
  name: z.string(),
  /** Real paths. */
  bases: z.array(z.string()).min(1),
  mount: z.string(),
  scratch: z.string(),
  driver: z.enum(driverNames),
  /** Whether other users may enter the mount. */
  allowOther: z.boolean(),
  /** Size in bytes from which on files are kept by block; null: none are. */
  deltaThreshold: z.number().int().positive().nullable().default(DEFAULT_DELTA_THRESHOLD),
  /** Which folders were made for the workspace, so that they go with it. */
  made: z.object({ mount: z.boolean(), scratch: z.boolean() }),
  /** Whether the scratch had contents before: those of an earlier workspace, or of nobody knows whom. */
  adopted: z.boolean().default(false),
});
/** What `workspace.json` holds. */
export type WorkspaceConfig = z.infer<typeof workspaceConfigSchema>;

export const daemonStateSchema = z.object({
  /** Null after a clean end. */
  pid: z.number().nullable(),
  socket: z.string(),
  /** As last known. */
  storedBytes: z.number(),
});
/** What `daemon.json` holds: written by the daemon, read to find it. */
export type DaemonState = z.infer<typeof daemonStateSchema>;

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}._-]{0,63}$/u;

/** @throws CowspaceError `usage` */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new CowspaceError(
    'usage',
    `'${name}' is no name for a workspace: use up to 64 letters, digits, '.', '_' and '-', starting with a letter or digit.`,
  );
}

/** The registered workspaces of one user: a folder each, with `workspace.json` in it. */
export class Registry {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  /** The folder that describes a workspace. */
  directory(name: string): string {
    return join(this.#home.workspaces, name);
  }

  logFile(name: string): string {
    return logFile(this.directory(name));
  }

  /** All names, sorted. */
  async names(): Promise<string[]> {
    const entries = await readdir(this.#home.workspaces).catch((error: unknown) => {
      if (failedWith(error, 'ENOENT')) return [];
      throw error;
    });
    return entries.filter((name) => NAME.test(name)).sort();
  }

  /** @throws CowspaceError `not-found`; `io` when the file is damaged */
  async read(name: string): Promise<WorkspaceConfig> {
    checkName(name);
    return readConfig(this.directory(name)).catch((error: unknown) => {
      throw failedWith(error, 'ENOENT')
        ? new CowspaceError('not-found', `There is no workspace '${name}'.`)
        : error;
    });
  }

  readState(name: string): Promise<DaemonState | null> {
    return readState(this.directory(name));
  }

  /** Registers a workspace, in one step; returns false when its name is taken. */
  async add(config: WorkspaceConfig): Promise<boolean> {
    checkName(config.name);
    await mkdir(this.#home.workspaces, { recursive: true, mode: 0o700 });
    const prepared = await mkdtemp(join(this.#home.workspaces, '.new-'));
    try {
      await writeAtomically(configFile(prepared), config);
      await rename(prepared, this.directory(config.name));
      return true;
    } catch (error) {
      await rm(prepared, { recursive: true });
      if (failedWith(error, 'ENOTEMPTY', 'EEXIST')) return false;
      throw error;
    }
  }

  /** Forgets a workspace: its description, state and log, and what else lies in its folder. */
  async delete(name: string): Promise<void> {
    // Under another name first: whatever happens then, nobody takes what is left for a workspace.
    const doomed = await mkdtemp(join(this.#home.workspaces, '.old-'));
    await rename(this.directory(name), doomed);
    await rm(doomed, { recursive: true });
  }
}

/** @param directory the folder that describes the workspace */
export async function readConfig(directory: string): Promise<WorkspaceConfig> {
  const file = configFile(directory);
  const config = workspaceConfigSchema.safeParse(parseJson(await readFile(file, 'utf8')));
  if (config.success) return config.data;
  throw new CowspaceError(
    'io',
    `${file} is damaged or of a newer version:\n${z.prettifyError(config.error)}`,
    {
      path: file,
    },
  );
}

/** What the daemon last said of itself, or null. @param directory the folder that describes the workspace */
export async function readState(directory: string): Promise<DaemonState | null> {
  const text = await readFile(stateFile(directory), 'utf8').catch(() => '');
  return daemonStateSchema.safeParse(parseJson(text)).data ?? null;
}

export async function writeState(directory: string, state: DaemonState): Promise<void> {
  await writeAtomically(stateFile(directory), state);
}

export function logFile(directory: string): string {
  return join(directory, 'daemon.log');
}

/** Held by the one process that works for the workspace. @param directory a workspace's, or a scratch */
export function lockFile(directory: string): string {
  return join(directory, 'lock');
}

function configFile(directory: string): string {
  return join(directory, 'workspace.json');
}

function stateFile(directory: string): string {
  return join(directory, 'daemon.json');
}

async function writeAtomically(file: string, content: unknown): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A name for a workspace that reminds of a folder's. */
export function nameFor(folder: string): string {
  const name = basename(folder)
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}_]+|-+$/gu, '');
  return Array.from(name).slice(0, 56).join('') || 'workspace';
}
