import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  commands,
  contextKeys,
  editorIds,
  schemes,
  settingNames,
  viewIds,
  windowStates,
} from '../../src/extension/contributions';

const root = join(import.meta.dirname, '../..');

interface MenuItem {
  readonly command: string;
  readonly when?: string;
  readonly group?: string;
}

interface Manifest {
  readonly homepage: string;
  readonly bugs: { readonly url: string };
  readonly repository: { readonly url: string };
  readonly badges: { readonly url: string; readonly href: string; readonly description: string }[];
  readonly icon: string;
  readonly activationEvents: string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly restrictedConfigurations: string[] };
  };
  readonly contributes: {
    readonly viewsContainers: { readonly activitybar: { readonly id: string; readonly icon: string }[] };
    readonly views: Record<string, { readonly id: string; readonly icon: string }[]>;
    readonly viewsWelcome: { readonly view: string; readonly contents: string; readonly when?: string }[];
    readonly commands: {
      readonly command: string;
      readonly title: string;
      readonly category: string;
      readonly icon?: string;
      readonly enablement?: string;
    }[];
    readonly menus: Record<string, MenuItem[]>;
    readonly keybindings: {
      readonly command: string;
      readonly key: string;
      readonly mac?: string;
      readonly when: string;
    }[];
    readonly customEditors: {
      readonly viewType: string;
      readonly selector: { readonly filenamePattern: string }[];
    }[];
    readonly configuration: { readonly properties: Record<string, { readonly markdownDescription: string }> };
    readonly walkthroughs: {
      readonly steps: {
        readonly description: string;
        readonly media: { readonly image?: string; readonly svg?: string };
        readonly completionEvents: string[];
      }[];
    }[];
  };
}

function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

const manifestText = readText('package.json');
const manifest = JSON.parse(manifestText) as Manifest;
const strings = JSON.parse(readText('package.nls.json')) as Record<string, string>;
const { contributes } = manifest;

function resolved(text: string): string {
  const key = /^%(.+)%$/.exec(text)?.[1];
  return key === undefined ? text : (strings[key] ?? `missing ${key}`);
}

function sources(directory: string): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readText(join(directory, name)));
}

describe('the manifest', () => {
  it('has the commands of the table and no others', () => {
    const declared = contributes.commands.map(({ command, title, category, icon, enablement }) => ({
      ...{ command, title: resolved(title), category, icon, enablement },
    }));
    const expected = Object.entries(commands).map(([command, { title, icon, enablement }]) => ({
      ...{ command, title, category: 'Cowspace', icon, enablement },
    }));
    assert.deepEqual(declared, expected);
  });

  it('has the menus of the table and no others', () => {
    const expected: Record<string, MenuItem[]> = {};
    for (const [command, { palette, menus = [] }] of Object.entries(commands)) {
      if (palette !== undefined) (expected['commandPalette'] ??= []).push({ command, when: palette });
      for (const { menu, when, group } of menus) (expected[menu] ??= []).push({ command, when, group });
    }
    assert.deepEqual(contributes.menus, expected);
  });

  it('has the keys of the table and no others', () => {
    const expected = Object.entries(commands).flatMap(([command, { keybinding }]) =>
      keybinding === undefined ? [] : [{ command, ...keybinding }],
    );
    assert.deepEqual(contributes.keybindings, expected);
  });

  it('opens no other files in its editors than its own', () => {
    const editors = contributes.customEditors.map(({ viewType, selector }) => ({ viewType, selector }));
    const selector = [{ filenamePattern: `${schemes.blocks}:/**` }];
    assert.deepEqual(editors, [{ viewType: editorIds.blockDiff, selector }]);
  });

  it('has the views, settings and schemes that the code names, and no others', () => {
    const views = Object.values(contributes.views).flatMap((list) => list.map(({ id }) => id));
    assert.deepEqual(views.sort(), Object.values(viewIds).sort());
    const settings = contributes.configuration.properties;
    assert.deepEqual(Object.keys(settings).sort(), Object.values(settingNames).sort());
    for (const [name, { markdownDescription }] of Object.entries(settings)) {
      assert.match(resolved(markdownDescription), /\.$/, name);
    }
    const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    assert.deepEqual(
      restrictedConfigurations.filter((name) => !(name in settings)),
      [],
    );
    assert.ok(manifest.activationEvents.includes(`onFileSystem:${schemes.base}`));
  });

  it('uses no context key that is not set, and all that are', () => {
    const clauses = [
      ...contributes.commands.map(({ enablement = '' }) => enablement),
      ...Object.values(contributes.menus).flatMap((items) => items.map(({ when = '' }) => when)),
      ...contributes.viewsWelcome.map(({ when = '' }) => when),
    ];
    const known = new Set<string>([contextKeys, viewIds, editorIds].flatMap((ids) => Object.values(ids)));
    const used = new Set(clauses.flatMap((clause) => clause.match(/cowspace\.\w+/g) ?? []));
    const unknown = [...used].filter((key) => !known.has(key));
    const unused = Object.values(contextKeys).filter((key) => !used.has(key));
    assert.deepEqual({ unknown, unused }, { unknown: [], unused: [] });
  });

  it('greets in every view, whatever the window shows', () => {
    const clauses = (view: string): string[] =>
      contributes.viewsWelcome.filter((greeting) => greeting.view === view).map(({ when = '' }) => when);
    const silent = windowStates.filter(
      (state) =>
        !clauses(viewIds.changes).some((when) => when.startsWith(`${contextKeys.state} == ${state}`)),
    );
    assert.deepEqual(silent, []);
    // A view whose rows are on their way is empty too: there is nothing to greet then.
    assert.deepEqual(clauses(viewIds.workspaces), [contextKeys.noWorkspaces]);
    assert.ok(
      clauses(viewIds.changes).includes(`${contextKeys.state} == ready && !${contextKeys.hasChanges}`),
    );
  });

  it('names commands and views that exist, in greetings and in the walkthrough', () => {
    const steps = contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
    const texts = [
      ...contributes.viewsWelcome.map(({ contents }) => contents),
      ...steps.map((step) => step.description),
    ];
    const links = texts.flatMap((text) =>
      [...resolved(text).matchAll(/\(command:(cowspace[\w.]+)\)/g)].map(
        ([, command]) => `onCommand:${command!}`,
      ),
    );
    const events = steps.flatMap((step) => step.completionEvents);
    const known = new Set([
      ...Object.keys(commands).map((command) => `onCommand:${command}`),
      ...Object.values(viewIds).flatMap((view) => [`onView:${view}`, `onCommand:${view}.focus`]),
    ]);
    assert.ok(links.length > 0 && events.length >= steps.length);
    assert.deepEqual(
      [...links, ...events].filter((event) => !known.has(event)),
      [],
    );
  });

  it('says where the project is, with badges that the gallery shows', () => {
    const { homepage, bugs, repository, badges } = manifest;
    const project = /^git\+(https:.*)\.git$/.exec(repository.url)?.[1] ?? 'none';
    const links = [homepage, bugs.url, ...badges.map(({ href }) => href)];
    assert.deepEqual(
      links.filter((link) => !link.startsWith(project)),
      [],
    );
    assert.ok(badges.length > 0);
    for (const { url, description } of badges) {
      // One of the hosts whose vector graphics the gallery lets in.
      assert.equal(new URL(url).origin, 'https://img.shields.io');
      assert.notEqual(description, '');
    }
  });

  it('has all its strings and uses each', () => {
    const used = new Set([...manifestText.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!));
    assert.deepEqual([...used].sort(), Object.keys(strings).sort());
  });

  it('has its icons and pictures, and ships them', () => {
    const { viewsContainers, views } = contributes;
    const icons = [viewsContainers.activitybar, ...Object.values(views)].flat().map(({ icon }) => icon);
    const steps = contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
    const pictures = steps.map(({ media }) => media.image ?? media.svg!);
    const shipped = readText('.vscodeignore');
    for (const file of [manifest.icon, ...icons, ...pictures]) {
      assert.ok(existsSync(join(root, file)), file);
      assert.ok(shipped.includes(`!${file}\n`), `${file} is not shipped`);
    }
  });

  it('leaves no setting unread', () => {
    const code = sources('src/extension').join('\n');
    const unread = Object.keys(settingNames).filter((key) => !code.includes(`readSetting('${key}')`));
    assert.deepEqual(unread, []);
  });
});
