import type { Job } from '../../core/job';
import { type EditorMatch, type EditorSearchParams, MAX_MATCHES } from '../../protocol/editorFiles';
import { isRefusedWith } from '../../protocol/errors';
import { FsError } from '../../sys/errno';
import { type EditorFiles, joinText } from './editorFiles';

/** Bytes of a file above which it is not searched. */
const MAX_SIZE = 4 << 20;
/** Bytes from the start of a file in which a NUL makes it binary: as many as Git looks at. */
const SAMPLE = 8000;
/** Characters around a match that are shown of a long line. */
const CONTEXT = 100;

/** Looks for text in all text files, in the order of their paths. What may not be read is left out. */
export function* search(files: EditorFiles, params: EditorSearchParams): Job<EditorMatch[]> {
  const pattern = new RegExp(escape(params.text), params.matchCase ? 'gu' : 'giu');
  const skip = new Set(params.skip);
  const matches: EditorMatch[] = [];
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const entry of readable(() => files.list(path)) ?? []) {
      if (skip.has(entry.name) || entry.link) continue;
      const child = joinText(path, entry.name);
      if (entry.type === 'directory') waiting.push(child);
      else if (entry.type === 'file') matches.push(...searchFile(files, child, pattern));
      if (matches.length >= MAX_MATCHES) return matches.slice(0, MAX_MATCHES);
      yield undefined;
    }
  }
  return matches.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function searchFile(files: EditorFiles, path: string, pattern: RegExp): EditorMatch[] {
  const bytes = readable(() =>
    (files.stat(path)?.size ?? 0) > MAX_SIZE ? null : files.read(path, 0, MAX_SIZE),
  );
  if (bytes == null || bytes.subarray(0, SAMPLE).includes(0)) return [];
  const matches: EditorMatch[] = [];
  bytes
    .toString('utf8')
    .split(/\r?\n/)
    .forEach((text, line) => {
      for (const { index, 0: match } of text.matchAll(pattern)) {
        const preview = text.slice(Math.max(0, index - CONTEXT), index + match.length + CONTEXT).trim();
        matches.push({ path, line, column: index, length: match.length, preview });
      }
    });
  return matches;
}

/** Null for what cannot be read. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof FsError || isRefusedWith(error, 'denied', 'not-found')) return null;
    throw error;
  }
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
