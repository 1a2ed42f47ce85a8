import type { BlockSummary, ByteRange, RangePage, Side } from '../protocol/messages';

/** What the page of a block diff and the extension tell each other. */

/** Where a pattern occurs, as offsets in order. */
export interface SearchPage {
  readonly matches: readonly number[];
  /** The offset to ask from for more; null at the end. */
  readonly next: number | null;
}

/** What the page asks for, with the answers; all offsets and lengths in bytes. */
export interface Calls {
  /** Changed ranges from an offset on, some at a time. */
  ranges: (offset: number) => RangePage;
  /** Changed bytes in equal parts of a stretch. */
  summary: (offset: number, length: number, cells: number) => BlockSummary;
  /** Fewer bytes than asked for at the end of the side only. */
  read: (side: Side, offset: number, length: number) => Uint8Array;
  /** Where a pattern begins, on either side, at `from` or later, and touches a changed range. */
  search: (pattern: Uint8Array, from: number) => SearchPage;
  /** Puts the bytes of one side on the clipboard, in hex. */
  copy: (side: Side, range: ByteRange) => void;
  /** Puts the base's bytes back, after a question; null: no change is chosen, which the user is told. */
  discard: (range: ByteRange | null) => void;
}
export type CallName = keyof Calls;

/** A call on its way, with an id that its answer repeats. */
export type Call = {
  readonly [N in CallName]: {
    readonly kind: 'call';
    readonly id: number;
    readonly name: N;
    readonly args: Parameters<Calls[N]>;
  };
}[CallName];

/** What the page tells the extension. */
export type PageMessage =
  | Call
  /** The page listens now, and can be told to start. */
  | { readonly kind: 'ready' };

/** What a person does outside of the page, by a command of the editor. */
export type PageCommand = 'nextChange' | 'previousChange' | 'find' | 'copy' | 'copyBase' | 'discard';

/** What the extension tells the page. */
export type HostMessage =
  | { readonly kind: 'start'; readonly strings: Strings; readonly mounted: boolean }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly message: string }
  /** The file may be another one now, on either side. */
  | { readonly kind: 'changed' }
  /** Whether there is a daemon to ask. */
  | { readonly kind: 'mounted'; readonly mounted: boolean }
  | { readonly kind: 'command'; readonly command: PageCommand }
  | { readonly kind: 'goTo'; readonly offset: number };

/** All that the page says, in the language of the editor; `{0}` and so on stand for what is filled in. */
export interface Strings {
  readonly base: string;
  readonly workspace: string;
  readonly offset: string;
  readonly length: string;
  readonly text: string;
  readonly noChanges: string;
  readonly oneChange: string;
  readonly changes: string;
  readonly changesSoFar: string;
  readonly sizes: string;
  readonly grown: string;
  readonly shrunk: string;
  readonly position: string;
  readonly bytes: string;
  readonly ended: string;
  readonly selected: string;
  readonly inChange: string;
  readonly notMounted: string;
  readonly failed: string;
  readonly mapLabel: string;
  readonly mapCell: string;
  readonly mapScale: string;
  readonly unchanged: string;
  readonly changed: string;
  readonly zoomIn: string;
  readonly zoomOut: string;
  readonly zoomFit: string;
  readonly tableLabel: string;
  readonly hexLabel: string;
  readonly find: string;
  readonly findPlaceholder: string;
  readonly hex: string;
  readonly findHex: string;
  readonly nextMatch: string;
  readonly previousMatch: string;
  readonly close: string;
  readonly noMatches: string;
  readonly matchPosition: string;
  readonly searching: string;
  readonly badHex: string;
}
