import { toBytes, toText } from '../../sys/bytes';
import { E, FsError } from '../../sys/errno';

/** What fuse-native has in place of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';
/** What {@link toText} has for such bytes. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Text of fuse-native's as a byte string. @throws FsError EILSEQ when that is not what the program gave */
export function fromLibrary(text: string): string {
  if (text.includes(REPLACEMENT)) throw new FsError(E.EILSEQ, text);
  return toBytes(text);
}

/** A byte string as text for fuse-native. @throws FsError EILSEQ when it would not survive */
export function toLibrary(bytes: string): string {
  const text = toText(bytes);
  if (LONE_SURROGATE.test(text)) throw new FsError(E.EILSEQ, text);
  return text;
}
