import { command, nameArgument } from '../command';
import { print } from '../context';

export const mount = command({
  name: 'mount',
  summary: 'mount a workspace again, with all its changes, and print where',
  arguments: { name: nameArgument },
  options: {},
  run: async (context, { name }) => {
    const info = await context.workspaces.mount(name);
    print(context, info, () => info.mount);
    return 0;
  },
});
