import { BlockDiff } from './blockDiff';
import { Connection } from './connection';
import type { HostMessage, PageMessage } from './messages';
import type { Place } from './model/comparison';

/** What the editor gives to a page. */
interface EditorApi {
  postMessage(message: PageMessage): void;
  getState(): Place | undefined;
  setState(state: Place): void;
}

declare function acquireVsCodeApi(): EditorApi;

const editor = acquireVsCodeApi();
const connection = new Connection((message) => editor.postMessage(message));
let diff: BlockDiff | undefined;

function receive(message: HostMessage): void {
  switch (message.kind) {
    case 'start':
      diff = new BlockDiff({
        connection,
        strings: message.strings,
        mounted: message.mounted,
        place: editor.getState(),
        keep: (place) => editor.setState(place),
      });
      document.body.replaceChildren(diff.element);
      diff.start();
      break;
    case 'answer':
    case 'refusal':
      connection.settle(message);
      break;
    case 'changed':
    case 'mounted':
    case 'command':
    case 'goTo':
      diff?.handle(message);
      break;
  }
}

addEventListener('message', ({ data }: MessageEvent<HostMessage>) => receive(data));
editor.postMessage({ kind: 'ready' });
