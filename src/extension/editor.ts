import { commands } from 'vscode';
import { contextKeys } from './contributions';

/** Sets one of the extension's context keys for `when` clauses. */
export async function setContext(key: keyof typeof contextKeys, value: string | boolean): Promise<void> {
  await commands.executeCommand('setContext', contextKeys[key], value);
}
