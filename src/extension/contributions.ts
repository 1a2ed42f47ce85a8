/**
 * What the extension contributes to the editor, in one place. package.json repeats it, because the editor reads it
 * there; a unit test holds the two together.
 */

/** Set with `setContext`, used in `when` clauses. */
export const contextKeys = {
  /** What the window shows: see {@link WindowState}. */
  state: 'cowspace.state',
  /** No workspace is registered, and that is known. */
  noWorkspaces: 'cowspace.noWorkspaces',
  hasChanges: 'cowspace.hasChanges',
  /** Some changes in the Changes view are checked. */
  hasChecked: 'cowspace.hasChecked',
  /** A commit, discard or the like is under way. */
  busy: 'cowspace.busy',
  viewMode: 'cowspace.viewMode',
  /** The window shows a workspace whose files are there in the editor alone. */
  editorOnly: 'cowspace.editorOnly',
} as const;

/** `none`: no workspace; the others: the state of the workspaces that the window shows. */
export const windowStates = ['none', 'starting', 'ready', 'unmounted', 'failed'] as const;
export type WindowState = (typeof windowStates)[number];

export const viewModes = ['tree', 'list'] as const;
export type ViewMode = (typeof viewModes)[number];

/** The `viewType` of each custom editor. */
export const editorIds = { blockDiff: 'cowspace.blockDiff' } as const;

export const viewIds = { changes: 'cowspace.changes', workspaces: 'cowspace.workspaces' } as const;

export const settingNames = {
  blockDeltaThreshold: 'cowspace.blockDelta.threshold',
  confirmCommit: 'cowspace.confirmCommit',
  confirmDiscard: 'cowspace.confirmDiscard',
  defaultViewMode: 'cowspace.changes.defaultViewMode',
  mountDriver: 'cowspace.mount.driver',
  mountOnOpen: 'cowspace.mount.onOpen',
  quickDiff: 'cowspace.quickDiff.enabled',
} as const;

/** Schemes of the URIs that the extension makes; see `changes/uris.ts` and `blocks/uris.ts`. */
export const schemes = {
  base: 'cowspace-base',
  blocks: 'cowspace-blocks',
  /** The files of workspaces that are not mounted. */
  files: 'cowspace',
  change: 'cowspace-change',
} as const;

interface MenuEntry {
  readonly menu: 'view/title' | 'view/item/context' | 'explorer/context' | 'editor/title' | 'webview/context';
  readonly when: string;
  readonly group: string;
}

interface Keybinding {
  readonly key: string;
  /** The same on a Mac; absent: `key`. */
  readonly mac?: string;
  readonly when: string;
}

interface CommandContribution {
  readonly title: string;
  /** A codicon. */
  readonly icon: string;
  readonly enablement?: string;
  /** When the palette lists it; absent: always. */
  readonly palette?: string;
  readonly menus?: readonly MenuEntry[];
  readonly keybinding?: Keybinding;
}

const inChanges = `view == ${viewIds.changes}`;
const inWorkspaces = `view == ${viewIds.workspaces}`;
const showsWorkspace = `${contextKeys.state} != none`;
const ready = `${contextKeys.state} == ready`;
const idle = `!${contextKeys.busy}`;
const hasChanges = `${contextKeys.hasChanges} && ${idle}`;
const inBlockDiff = `activeCustomEditorId == ${editorIds.blockDiff}`;
const onBytes = `webviewId == ${editorIds.blockDiff} && webviewSection == bytes`;
const hasChecked = `${contextKeys.hasChecked} && ${idle}`;
const never = 'false';

/** Rows by their `contextValue`, which `changes/rows.ts` and `workspaces/workspacesView.ts` set. */
const anyChange = `${inChanges} && viewItem =~ /^(change|folder)/`;
const diffableChange = `${inChanges} && viewItem =~ /^change\\.(changed|renamed|whiteout)\\.file/`;
const existingFile = `${inChanges} && viewItem =~ /^change\\.(changed|created|renamed|metadata)\\.file/`;
const fileInBase = `${inChanges} && viewItem =~ /^change\\.(changed|renamed|metadata|whiteout)\\.file/`;
const comparableFile = `${inChanges} && viewItem =~ /^change\\.(changed|created|renamed|whiteout)\\.file/`;
const readyRoot = `${inChanges} && viewItem == root.ready`;
const unmountedRoot = `${inChanges} && viewItem == root.unmounted`;
const anyWorkspace = `${inWorkspaces} && viewItem =~ /^workspace/`;
const mountedWorkspace = `${inWorkspaces} && viewItem == workspace.mounted`;
const unmountedWorkspace = `${inWorkspaces} && viewItem == workspace.unmounted`;

function entry(menu: MenuEntry['menu'], when: string, group: string): MenuEntry {
  return { menu, when, group };
}

function inBlockDiffTitle(group: string): MenuEntry {
  return entry('editor/title', inBlockDiff, group);
}

/** A key for the block diff, as long as no view has the focus. */
function keyInBlockDiff(key: string, mac?: string): Keybinding {
  return { key, ...(mac !== undefined && { mac }), when: `${inBlockDiff} && !focusedView` };
}

function inTitleIfChecked(group: string): MenuEntry {
  return entry('view/title', `${inChanges} && ${ready} && ${contextKeys.hasChecked}`, group);
}

/** Gives its place up to the command for what is checked. @param other its group meanwhile */
function inTitleUnlessChecked(group: string, other: string): MenuEntry[] {
  return [
    entry('view/title', `${inChanges} && ${ready} && !${contextKeys.hasChecked}`, group),
    inTitleIfChecked(other),
  ];
}

function onItem(when: string, group: string): MenuEntry {
  return entry('view/item/context', when, group);
}

const table = {
  'cowspace.openPristineCopy': {
    title: 'Open Pristine Copy…',
    icon: '$(add)',
    menus: [
      entry('view/title', inWorkspaces, 'navigation@1'),
      entry(
        'explorer/context',
        'explorerResourceIsFolder && resourceScheme =~ /^(file|vscode-remote)$/',
        '2_workspace@30',
      ),
    ],
  },
  'cowspace.openWorkspace': {
    title: 'Open Workspace in New Window',
    icon: '$(empty-window)',
    menus: [onItem(anyWorkspace, 'inline@1'), onItem(anyWorkspace, '1_open@1')],
  },
  'cowspace.openWorkspaceHere': {
    title: 'Open Workspace in This Window',
    icon: '$(folder-opened)',
    palette: never,
    menus: [onItem(anyWorkspace, '1_open@2')],
  },
  'cowspace.mount': {
    title: 'Mount',
    icon: '$(plug)',
    enablement: idle,
    menus: [
      onItem(unmountedWorkspace, 'inline@2'),
      onItem(unmountedWorkspace, '2_mount@1'),
      onItem(unmountedRoot, 'inline@1'),
    ],
  },
  'cowspace.unmount': {
    title: 'Unmount',
    icon: '$(debug-disconnect)',
    enablement: idle,
    menus: [
      onItem(mountedWorkspace, 'inline@2'),
      onItem(mountedWorkspace, '2_mount@2'),
      onItem(readyRoot, '2_mount@1'),
      entry('view/title', `${inChanges} && ${ready}`, '5_workspace@1'),
    ],
  },
  'cowspace.remove': {
    title: 'Remove…',
    icon: '$(trash)',
    enablement: idle,
    menus: [onItem(anyWorkspace, '7_remove@1')],
  },
  'cowspace.copyMountPath': {
    title: 'Copy Path of Mount',
    icon: '$(copy)',
    palette: never,
    menus: [onItem(anyWorkspace, '3_copy@1')],
  },
  'cowspace.showWorkspaceLog': {
    title: 'Show Log of Workspace',
    icon: '$(output)',
    menus: [onItem(anyWorkspace, '4_log@1')],
  },
  'cowspace.refresh': {
    title: 'Refresh',
    icon: '$(refresh)',
    menus: [
      entry('view/title', `${inChanges} && ${showsWorkspace}`, 'navigation@5'),
      entry('view/title', inWorkspaces, 'navigation@2'),
    ],
  },
  'cowspace.openChanges': {
    title: 'Open Changes',
    icon: '$(compare-changes)',
    enablement: showsWorkspace,
    menus: [onItem(diffableChange, 'inline@1'), onItem(diffableChange, '1_open@1')],
  },
  'cowspace.showBlockDiff': {
    title: 'Show Block Diff',
    icon: '$(file-binary)',
    enablement: showsWorkspace,
    menus: [onItem(comparableFile, '1_open@4')],
  },
  'cowspace.openAllChanges': {
    title: 'Open All Changes',
    icon: '$(diff-multiple)',
    enablement: contextKeys.hasChanges,
    menus: [
      entry('view/title', `${inChanges} && ${ready}`, 'navigation@1'),
      onItem(`${inChanges} && viewItem =~ /^(folder|change\\.[a-z]+\\.directory|root\\.ready)/`, '1_open@1'),
    ],
  },
  'cowspace.openFile': {
    title: 'Open File',
    icon: '$(go-to-file)',
    enablement: showsWorkspace,
    palette: never,
    menus: [onItem(existingFile, '1_open@2')],
  },
  'cowspace.openBaseFile': {
    title: 'Open Base File',
    icon: '$(file)',
    enablement: showsWorkspace,
    menus: [onItem(fileInBase, '1_open@3')],
  },
  'cowspace.commit': {
    title: 'Commit…',
    icon: '$(check)',
    enablement: `${showsWorkspace} && ${idle}`,
    menus: [onItem(anyChange, 'inline@2'), onItem(anyChange, '2_review@1')],
  },
  'cowspace.commitAll': {
    title: 'Commit All…',
    icon: '$(check-all)',
    enablement: hasChanges,
    menus: [
      ...inTitleUnlessChecked('navigation@2', '2_review@1'),
      onItem(readyRoot, 'inline@1'),
      onItem(readyRoot, '1_review@1'),
    ],
  },
  'cowspace.discard': {
    title: 'Discard…',
    icon: '$(discard)',
    enablement: `${showsWorkspace} && ${idle}`,
    menus: [onItem(anyChange, 'inline@3'), onItem(anyChange, '2_review@2')],
  },
  'cowspace.discardAll': {
    title: 'Discard All…',
    icon: '$(discard)',
    enablement: hasChanges,
    menus: [
      ...inTitleUnlessChecked('navigation@3', '2_review@2'),
      onItem(readyRoot, 'inline@2'),
      onItem(readyRoot, '1_review@2'),
    ],
  },
  'cowspace.commitChecked': {
    title: 'Commit Checked…',
    icon: '$(checklist)',
    enablement: hasChecked,
    menus: [inTitleIfChecked('navigation@2')],
  },
  'cowspace.discardChecked': {
    title: 'Discard Checked…',
    icon: '$(discard)',
    enablement: hasChecked,
    menus: [inTitleIfChecked('navigation@3')],
  },
  'cowspace.undoDiscard': {
    title: 'Undo Discard',
    icon: '$(redo)',
    enablement: `${ready} && ${idle}`,
    menus: [entry('view/title', `${inChanges} && ${ready}`, '2_review@3')],
  },
  'cowspace.copyPath': {
    title: 'Copy Path',
    icon: '$(copy)',
    enablement: showsWorkspace,
    menus: [onItem(anyChange, '5_copy@1')],
  },
  'cowspace.copyRelativePath': {
    title: 'Copy Relative Path',
    icon: '$(copy)',
    enablement: showsWorkspace,
    menus: [onItem(anyChange, '5_copy@2')],
  },
  'cowspace.viewAsList': {
    title: 'View as List',
    icon: '$(list-flat)',
    palette: `${showsWorkspace} && ${contextKeys.viewMode} == tree`,
    menus: [
      entry('view/title', `${inChanges} && ${ready} && ${contextKeys.viewMode} == tree`, 'navigation@4'),
    ],
  },
  'cowspace.viewAsTree': {
    title: 'View as Tree',
    icon: '$(list-tree)',
    palette: `${showsWorkspace} && ${contextKeys.viewMode} == list`,
    menus: [
      entry('view/title', `${inChanges} && ${ready} && ${contextKeys.viewMode} == list`, 'navigation@4'),
    ],
  },
  'cowspace.findInFiles': {
    title: 'Find in Files of Workspace…',
    icon: '$(search)',
    palette: contextKeys.editorOnly,
    menus: [entry('view/title', `${inChanges} && ${contextKeys.editorOnly}`, '3_find@1')],
  },
  'cowspace.showMoreChanges': {
    title: 'Show More Changes',
    icon: '$(unfold)',
    palette: never,
  },
  'cowspace.blockDiff.previousChange': {
    title: 'Previous Change in Block Diff',
    icon: '$(arrow-up)',
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('navigation@1')],
    keybinding: keyInBlockDiff('shift+f7'),
  },
  'cowspace.blockDiff.nextChange': {
    title: 'Next Change in Block Diff',
    icon: '$(arrow-down)',
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('navigation@2')],
    keybinding: keyInBlockDiff('f7'),
  },
  'cowspace.blockDiff.find': {
    title: 'Find in Block Diff',
    icon: '$(search)',
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('navigation@3')],
    keybinding: keyInBlockDiff('ctrl+f', 'cmd+f'),
  },
  'cowspace.blockDiff.goToOffset': {
    title: 'Go to Offset…',
    icon: '$(target)',
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('1_go@1')],
    keybinding: keyInBlockDiff('ctrl+g'),
  },
  'cowspace.blockDiff.copy': {
    title: 'Copy as Hex',
    icon: '$(copy)',
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('2_copy@1'), entry('webview/context', onBytes, '1_copy@1')],
  },
  'cowspace.blockDiff.copyBase': {
    title: 'Copy Base as Hex',
    icon: '$(copy)',
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('2_copy@2'), entry('webview/context', onBytes, '1_copy@2')],
  },
  'cowspace.blockDiff.discard': {
    title: 'Discard This Range…',
    icon: '$(discard)',
    enablement: idle,
    palette: inBlockDiff,
    menus: [inBlockDiffTitle('navigation@4'), entry('webview/context', onBytes, '2_discard@1')],
  },
  'cowspace.showLog': {
    title: 'Show Log',
    icon: '$(output)',
    menus: [entry('view/title', inWorkspaces, '9_log@1'), entry('view/title', inChanges, '9_log@1')],
  },
} as const satisfies Record<string, CommandContribution>;

export type CommandId = keyof typeof table;
export const commands: Readonly<Record<CommandId, CommandContribution>> = table;
