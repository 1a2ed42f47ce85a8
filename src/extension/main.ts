import type { ExtensionContext } from 'vscode';
import { registerCommands } from './commands/register';
import { Context } from './context';

export function activate(extension: ExtensionContext): void {
  const context = new Context(extension);
  extension.subscriptions.push(context, registerCommands(context));
}
