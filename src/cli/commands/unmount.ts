import { command, nameArgument } from '../command';
import { print } from '../context';

export const unmount = command({
  name: 'unmount',
  summary: 'unmount a workspace; its changes stay in the scratch',
  arguments: { name: nameArgument },
  options: { force: { description: 'also when programs use it' } },
  run: async (context, { name }, { force }) => {
    await context.workspaces.unmount(name, { force });
    print(context, { name, mounted: false }, () => `Unmounted ${name}.`);
    return 0;
  },
});
