import { workspace } from 'vscode';
import type { DriverName } from '../protocol/messages';
import { settingNames, type ViewMode } from './contributions';

/** The type of each setting; package.json has the defaults. */
interface Settings {
  blockDeltaThreshold: string;
  confirmCommit: boolean;
  confirmDiscard: boolean;
  defaultViewMode: ViewMode;
  mountDriver: DriverName | 'auto';
  mountOnOpen: boolean;
  quickDiff: boolean;
}

export function readSetting<K extends keyof Settings>(key: K): Settings[K] {
  const value = workspace.getConfiguration().get<Settings[K]>(settingNames[key]);
  if (value === undefined) throw new Error(`Setting ${settingNames[key]} is not declared`);
  return value;
}
