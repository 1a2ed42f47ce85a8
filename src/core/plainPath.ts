import * as z from 'zod';

/**
 * Whether a relative path has only names that a directory can hold. A scratch may come from somebody else: a path in
 * it that leads elsewhere must not be followed.
 */
export function isPlainPath(path: string): boolean {
  return path.split('/').every(isPlainName);
}

/** A path of an entry, as text. */
export const plainPathSchema = z.string().refine(isPlainPath, 'leads out of its folder');

/** The name of an entry. */
export const plainNameSchema = z.string().refine(isPlainName, 'is no name of a file');

function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}
